import { RoomId, UserId } from './ids.ts';

/**
 * A numbered log with subscribers, and the address of the actor that orders it:
 * `broadcast`, `user:{userId}` or `room:{roomId}`.
 */
export type Channel = 'broadcast' | `user:${string}` | `room:${string}`;

export type ChannelKind = 'broadcast' | 'user' | 'room';

export function roomChannel(room: string): Channel {
  return `room:${room}`;
}

export function userChannel(user: string): Channel {
  return `user:${user}`;
}

export function channelKind(channel: Channel): ChannelKind {
  if (channel === 'broadcast') return 'broadcast';
  return channel.startsWith('room:') ? 'room' : 'user';
}

/** The id of the room or user in a channel's name; empty for `broadcast`. */
export function channelId(channel: Channel): string {
  return channel === 'broadcast' ? '' : channel.slice(5);
}

/** A channel by its full name, or undefined when the text names none. */
export function parseChannel(text: string): Channel | undefined {
  if (text === 'broadcast') return text;
  const id = text.slice(5);
  if (text.startsWith('room:') && RoomId.safeParse(id).success) return roomChannel(id);
  if (text.startsWith('user:') && UserId.safeParse(id).success) return userChannel(id);
  return undefined;
}

/**
 * A channel as one client names it (RQ2, RQ6). `user` is the channel of the client's own user, so no frame can spell
 * another user's channel.
 */
export function clientChannel(name: string, user: string): Channel | undefined {
  if (name === 'user') return userChannel(user);
  if (name.startsWith('user:')) return undefined;
  return parseChannel(name);
}

/** The name a client knows a channel by: the inverse of {@link clientChannel}. */
export function clientName(channel: Channel): string {
  return channelKind(channel) === 'user' ? 'user' : channel;
}
