import type { HomeMessage } from '../../actors/messages/home.ts';

/** Rooms open to every user, and one for members only. */
export const OPEN_ROOMS = ['a', 'b', 'c'] as const;
export const PRIVATE_ROOM = 'p';

/** The users whom a message to a room's home admits. */
export function admittedBy(message: HomeMessage): readonly string[] {
  if (message.type === 'create') return [message.creator, ...message.members];
  return message.type === 'setMember' && message.isMember ? [message.user] : [];
}
