import type { HomeMessage } from '../actors/messages.ts';

/** Rooms that anybody may use, and one that only members may. */
export const OPEN_ROOMS = ['a', 'b', 'c'] as const;
export const PRIVATE_ROOM = 'p';

/** Whom a message to a room's home lets in. */
export function admittedBy(message: HomeMessage): readonly string[] {
  if (message.type === 'create') return [message.creator, ...message.members];
  return message.type === 'setMember' && message.isMember ? [message.user] : [];
}
