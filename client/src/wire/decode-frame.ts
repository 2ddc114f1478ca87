import type { ClientError } from '../errors.ts';
import type { ClientEvents } from '../events.ts';
import type { Entry, Welcome } from './frames.ts';
import {
  anything,
  ERROR,
  isCount,
  isObject,
  isText,
  listOf,
  maybe,
  oneOf,
  pick,
  readEntry,
  WELCOME,
  type Fields,
  type Schema,
} from './frame-schemas.ts';

/** Notifications of the server by name, without the entries of logs. */
interface Notifications extends Pick<ClientEvents, Forwarded> {
  readonly welcome: Welcome;
  readonly skipped: { readonly channel: string; readonly from: number; readonly to: number };
  readonly reset: { readonly channel: string; readonly seq: number };
}

/** Notifications that become events unchanged. */
type Forwarded =
  'signal' | 'joined' | 'left' | 'presence' | 'members' | 'degraded' | 'draining' | 'room_closed';

type Notification<Names extends keyof Notifications> = {
  [Name in Names]: { readonly type: 'told'; readonly name: Name; readonly event: Notifications[Name] };
}[Names];

/** A notification that becomes an event unchanged. */
export type ForwardedFrame = Notification<Forwarded>;

/** A frame of the server after validation. */
export type ServerFrame =
  | { readonly type: 'entry'; readonly channel: string; readonly entry: Entry }
  | { readonly type: 'reply'; readonly id: string; readonly fields: Fields }
  | { readonly type: 'error'; readonly id: string | undefined; readonly error: ClientError }
  | { readonly type: 'ping' }
  | Notification<keyof Notifications>
  | { readonly type: 'unknown' };

/** Fields of a notification's `data` and of the notification itself, merged. */
const NOTIFICATIONS: { readonly [Name in keyof Notifications]: Schema<Notifications[Name]> } = {
  welcome: WELCOME,
  skipped: { channel: isText, from: isCount, to: isCount },
  reset: { channel: isText, seq: isCount },
  signal: { room: isText, from: isText, data: anything },
  joined: { room: isText, users: listOf(isText) },
  left: { room: isText, users: listOf(isText), reason: maybe(isText) },
  presence: { room: isText, user: isText, state: oneOf('alive', 'suspect'), since: isText },
  members: { room: isText, count: isCount, users: maybe(listOf(isText)) },
  degraded: { features: listOf(isText) },
  draining: { retryAfterMs: isCount },
  room_closed: { room: isText },
};

/** A frame; undefined for text that breaks the protocol. Names of later versions are no breach: `unknown`. */
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
    case 'chat':
      return decodeEntry(fields);
    case 'notification':
      return decodeNotification(fields);
    case 'ack':
    case 'history':
    case 'presence':
    case 'rooms':
      return isText(id) ? { type: 'reply', id: id as string, fields } : undefined;
    case 'error': {
      const error = pick(fields, ERROR);
      return error && maybe(isText)(id) ? { type, id: id as string | undefined, error } : undefined;
    }
    default:
      return { type: type === 'heartbeat' && fields['status'] === 'ping' ? 'ping' : 'unknown' };
  }
}

function decodeEntry(fields: Fields): ServerFrame | undefined {
  const entry = readEntry(fields);
  if (!entry) return undefined;
  const channel =
    entry.type === 'chat' ? `room:${entry.room}` : entry.type === 'broadcast' ? 'broadcast' : 'user';
  return { type: 'entry', channel, entry };
}

function decodeNotification(fields: Fields): ServerFrame | undefined {
  const { action, data, room, from } = fields;
  if (!isText(action)) return undefined;
  if (action === 'user_event' || action === 'broadcast') return decodeEntry(fields);
  if (!Object.hasOwn(NOTIFICATIONS, action as string)) return { type: 'unknown' };
  const name = action as keyof Notifications;
  const told = name === 'signal' ? { room, from, data } : { ...(data as object), room };
  const event = pick<Notifications[typeof name]>(told, NOTIFICATIONS[name]);
  return event && ({ type: 'told', name, event } as ServerFrame);
}
