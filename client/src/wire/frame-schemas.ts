import type { ClientError } from '../errors.ts';
import type {
  ChatMessage,
  Entry,
  HistoryPage,
  JoinedRoom,
  Published,
  SentMessage,
  Welcome,
} from './frames.ts';

/** A JSON object from the wire, not validated yet. */
export type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

export const isText: Check = (value) => typeof value === 'string';
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const isBoolean: Check = (value) => typeof value === 'boolean';

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const anything: Check = (value) => value !== undefined;

export function maybe(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

export function oneOf(...values: readonly unknown[]): Check {
  return (value) => values.includes(value);
}

export function fitting<Value>(shape: Schema<Value>): Check {
  return (value) => pick(value, shape) !== undefined;
}

/** The check of each field. */
export type Schema<Value> = { readonly [Key in keyof Value]-?: Check };

/** The fields of a shape, without others. Undefined when a field is invalid, or for a value that is no object. */
export function pick<Value>(fields: unknown, shape: Schema<Value>): Value | undefined {
  if (!isObject(fields)) return undefined;
  const picked: Record<string, unknown> = {};
  for (const [name, check] of Object.entries<Check>(shape)) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!check(value)) return undefined;
    if (value !== undefined) picked[name] = value;
  }
  return picked as Value;
}

/** The fields of a server's error. */
export const ERROR: Schema<Omit<ClientError, 'cause'>> = {
  code: isText,
  message: isText,
  field: maybe(isText),
  retryAfterMs: maybe(isCount),
};

const CHAT: Schema<ChatMessage> = {
  room: isText,
  seq: isCount,
  id: isText,
  from: isText,
  content: isText,
  data: maybe(isObject),
  timestamp: isText,
  sentAt: maybe(isText),
};

const PUBLISHED: Schema<Published> = { seq: isCount, id: isText, data: anything, timestamp: isText };

/** Rejects intervals with which the client would be suspect at once, or never. */
const isInterval: Check = (value) =>
  isCount(value) && (value as number) >= 100 && (value as number) <= 86_400_000;

export const WELCOME: Schema<Welcome> = {
  user: isText,
  log: isText,
  heartbeat: fitting({ intervalMs: isInterval, timeoutMs: isInterval }),
  limits: fitting({ frameBytes: isCount, messagesPerMinute: isCount }),
  channels: maybe(fitting({ broadcast: isCount, user: isCount })),
  expiresAt: isText,
  time: isText,
};

export const ACCESS = oneOf('public', 'private');

export const JOINED: Schema<JoinedRoom> = { room: isText, access: ACCESS, metadata: isObject, seq: isCount };

export const SENT: Schema<SentMessage> = {
  id: isText,
  room: isText,
  seq: isCount,
  timestamp: isText,
  duplicate: maybe(oneOf(true)),
};

const RANGE = fitting({ from: isCount, to: isCount });

/** A channel's place in a reply (RQ1, RQ2). */
export interface Placed {
  readonly seq: number;
  readonly gap?: { readonly from: number; readonly to: number };
  readonly reset?: true;
  readonly already?: true;
}

export const PLACED: Schema<Placed> = {
  seq: isCount,
  gap: maybe(RANGE),
  reset: maybe(oneOf(true)),
  already: maybe(oneOf(true)),
};

/** A page of a log; undefined when any part of it is invalid. */
export function readHistory(fields: Fields): HistoryPage | undefined {
  const page = pick<HistoryPage>(fields, { channel: isText, messages: listOf(isObject), more: isBoolean });
  const messages = page?.messages.map((entry) => readEntry(entry as unknown as Fields));
  return messages?.every((entry) => entry !== undefined) ? { ...page!, messages } : undefined;
}

/** A message of a log. */
export function readEntry(fields: Fields): Entry | undefined {
  if (fields['type'] === 'chat') {
    const message = pick(fields, CHAT);
    return message && { type: 'chat', ...message };
  }
  const type = fields['action'];
  if (type !== 'user_event' && type !== 'broadcast') return undefined;
  const message = pick(fields, PUBLISHED);
  return message && { type, ...message };
}
