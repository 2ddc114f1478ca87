import type { ClientError } from '../errors.ts';
import type { ClientEvents } from '../events.ts';
import type { Entry, Welcome } from './frames.ts';
import {
  anything,
  CHAT,
  ERROR,
  isCount,
  isObject,
  isText,
  listOf,
  maybe,
  oneOf,
  pick,
  PUBLISHED,
  WELCOME,
  type Fields,
  type Schema,
} from './frame-schemas.ts';

/** A frame of the server's, as far as it can be trusted. */
export type ServerFrame =
  | { readonly type: 'entry'; readonly channel: string; readonly entry: Entry }
  | { readonly type: 'welcome'; readonly welcome: Welcome }
  | { readonly type: 'reply'; readonly id: string; readonly fields: Fields }
  | { readonly type: 'error'; readonly id: string | undefined; readonly error: ClientError }
  | { readonly type: 'ping' }
  | { readonly type: 'skipped'; readonly channel: string; readonly from: number; readonly to: number }
  | { readonly type: 'reset'; readonly channel: string; readonly seq: number }
  | ForwardedFrame
  | { readonly type: 'unknown' };

/** A notification that is passed on as it is. */
export type ForwardedFrame = {
  [Name in Forwarded]: { readonly type: 'told'; readonly name: Name; readonly event: ClientEvents[Name] };
}[Forwarded];

/** Notifications that are passed on as they are. */
type Forwarded =
  'signal' | 'joined' | 'left' | 'presence' | 'members' | 'degraded' | 'draining' | 'room_closed';

/** Fields of a notification's `data` and of the notification itself, put side by side. */
const FORWARDED: { readonly [Name in Forwarded]: Schema<ClientEvents[Name]> } = {
  signal: { room: isText, from: isText, data: anything },
  joined: { room: isText, users: listOf(isText) },
  left: { room: isText, users: listOf(isText), reason: maybe(isText) },
  presence: { room: isText, user: isText, state: oneOf('alive', 'suspect'), since: isText },
  members: { room: isText, count: isCount, users: maybe(listOf(isText)) },
  degraded: { features: listOf(isText) },
  draining: { retryAfterMs: isCount },
  room_closed: { room: isText },
};

/** A frame, or undefined for text that breaks the protocol. What a later server may say is no breach: `unknown`. */
export function decodeFrame(text: string): ServerFrame | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(fields)) return undefined;
  const { type, id } = fields;
  if (!isText(type)) return undefined;
  switch (type) {
    case 'chat': {
      const message = pick(fields, CHAT);
      return (
        message && { type: 'entry', channel: `room:${message.room}`, entry: { type: 'chat', ...message } }
      );
    }
    case 'notification':
      return readNotification(fields);
    case 'ack':
    case 'history':
    case 'presence':
    case 'rooms':
      return isText(id) ? { type: 'reply', id: id as string, fields } : undefined;
    case 'error': {
      const error = pick(fields, ERROR);
      return error && maybe(isText)(id) ? { type: 'error', id: id as string | undefined, error } : undefined;
    }
    case 'heartbeat':
      return fields['status'] === 'ping' ? { type: 'ping' } : { type: 'unknown' };
    default:
      return { type: 'unknown' };
  }
}

function readNotification(fields: Fields): ServerFrame | undefined {
  const { action, data } = fields;
  if (!isText(action)) return undefined;
  if (action === 'user_event' || action === 'broadcast') {
    const published = pick(fields, PUBLISHED);
    const channel = action === 'broadcast' ? 'broadcast' : 'user';
    return published && { type: 'entry', channel, entry: { type: action, ...published } };
  }
  if (action === 'welcome') {
    const welcome = pick(data, WELCOME);
    return welcome && { type: 'welcome', welcome };
  }
  if (action === 'skipped') {
    const range = pick(data, { channel: isText, from: isCount, to: isCount });
    return range && { type: 'skipped', ...(range as { channel: string; from: number; to: number }) };
  }
  if (action === 'reset') {
    const place = pick(data, { channel: isText, seq: isCount });
    return place && { type: 'reset', ...(place as { channel: string; seq: number }) };
  }
  if (!Object.hasOwn(FORWARDED, action as string)) return { type: 'unknown' };
  const name = action as Forwarded;
  const { room, from } = fields;
  const own = name === 'signal' ? { room, from, data } : { ...(data as object), room };
  const event = pick<ClientEvents[Forwarded]>(own, FORWARDED[name]);
  return event && ({ type: 'told', name, event } as ServerFrame);
}
