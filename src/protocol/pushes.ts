import { z } from 'zod';
import { CLOSE_CODES, ERROR_CODES, SOCKET_ERROR_CODES, type SocketErrorCode } from './codes.ts';
import { RequestId, RoomId } from './ids.ts';
import { LOG_NAME } from './log-name.ts';

const Seq = z.int().min(0);
const Time = z.iso.datetime({ precision: 3 });
const Json = z.unknown();
const JsonObject = z.record(z.string(), z.unknown());
const Range = z.object({ from: Seq, to: Seq });
const PresenceState = z.enum(['alive', 'suspect']);
const Feature = z.enum(['chat', 'history', 'presence', 'cluster']);

/** Parts of the service that may be unavailable for a while (PU2 `degraded`). */
export type Feature = z.infer<typeof Feature>;

export const ChatPush = z.object({
  type: z.literal('chat'),
  room: RoomId,
  seq: Seq,
  id: RequestId,
  from: z.string(),
  content: z.string(),
  data: JsonObject.optional(),
  timestamp: Time,
  sentAt: Time.optional(),
});

const WelcomeData = z.object({
  connection: z.string(),
  user: z.string(),
  node: z.string(),
  protocol: z.int(),
  log: z.string().regex(LOG_NAME),
  heartbeat: z.object({ intervalMs: z.int(), timeoutMs: z.int() }),
  limits: z.object({ frameBytes: z.int(), messagesPerMinute: z.int() }),
  channels: z.object({ broadcast: Seq, user: Seq }).optional(),
  expiresAt: Time,
  time: Time,
});

const notification = <const Action extends string>(action: Action) => ({
  type: z.literal('notification'),
  action: z.literal(action),
});

const stored = { seq: Seq, id: RequestId, data: Json, timestamp: Time };

/** PU2, by action. */
export const NOTIFICATIONS = {
  welcome: z.object({ ...notification('welcome'), data: WelcomeData }),
  user_event: z.object({ ...notification('user_event'), ...stored }),
  broadcast: z.object({ ...notification('broadcast'), ...stored }),
  joined: z.object({
    ...notification('joined'),
    room: RoomId,
    data: z.object({ users: z.array(z.string()) }),
  }),
  left: z.object({
    ...notification('left'),
    room: RoomId,
    data: z.object({ users: z.array(z.string()), reason: z.enum(['removed']).optional() }),
  }),
  presence: z.object({
    ...notification('presence'),
    room: RoomId,
    data: z.object({ user: z.string(), state: PresenceState, since: Time }),
  }),
  members: z.object({
    ...notification('members'),
    room: RoomId,
    data: z.object({ count: z.int(), users: z.array(z.string()).optional() }),
  }),
  signal: z.object({ ...notification('signal'), room: RoomId, data: Json, from: z.string() }),
  degraded: z.object({ ...notification('degraded'), data: z.object({ features: z.array(Feature) }) }),
  draining: z.object({ ...notification('draining'), data: z.object({ retryAfterMs: z.int() }) }),
  room_closed: z.object({ ...notification('room_closed'), room: RoomId, data: z.object({}) }),
  skipped: z.object({
    ...notification('skipped'),
    data: z.object({ channel: z.string(), from: Seq, to: Seq }),
  }),
  reset: z.object({ ...notification('reset'), data: z.object({ channel: z.string(), seq: Seq }) }),
} as const;

export const ErrorPush = z.object({
  type: z.literal('error'),
  id: RequestId.optional(),
  code: z.enum(SOCKET_ERROR_CODES),
  message: z.string(),
  field: z.string().optional(),
  retryable: z.boolean(),
  retryAfterMs: z.int().optional(),
});

const ChannelPosition = z.object({
  seq: Seq,
  gap: Range.optional(),
  reset: z.literal(true).optional(),
  already: z.literal(true).optional(),
});

const ack = { type: z.literal('ack'), id: RequestId };

/** The replies that are an `ack`, by the request they answer. */
export const ACKS = {
  join: z.object({
    ...ack,
    room: RoomId,
    access: z.enum(['public', 'private']),
    metadata: JsonObject,
    seq: Seq,
    gap: Range.optional(),
    reset: z.literal(true).optional(),
    already: z.literal(true).optional(),
  }),
  resume: z.object({
    ...ack,
    channels: z.record(
      z.string(),
      z.union([ChannelPosition, z.object({ error: z.enum(SOCKET_ERROR_CODES) })]),
    ),
  }),
  leave: z.object({ ...ack, room: RoomId }),
  chat: z.object({ ...ack, room: RoomId, seq: Seq, timestamp: Time, duplicate: z.literal(true).optional() }),
  signal: z.object({ ...ack, room: RoomId }),
  create: z.object({ ...ack, room: RoomId }),
  refresh: z.object({ ...ack, expiresAt: Time }),
  heartbeat: z.object(ack),
} as const;

/** The replies with a type of their own. */
export const RESULTS = {
  history: z.object({
    type: z.literal('history'),
    id: RequestId.optional(),
    channel: z.string(),
    room: RoomId.optional(),
    messages: z.array(z.union([ChatPush, NOTIFICATIONS.user_event, NOTIFICATIONS.broadcast])),
    more: z.boolean(),
  }),
  presence: z.object({
    type: z.literal('presence'),
    id: RequestId.optional(),
    room: RoomId,
    members: z.array(z.object({ user: z.string(), state: PresenceState, since: Time, devices: z.int() })),
    total: z.int(),
    more: z.boolean(),
  }),
  rooms: z.object({
    type: z.literal('rooms'),
    id: RequestId.optional(),
    rooms: z.array(
      z.object({
        room: RoomId,
        access: z.enum(['public', 'private']),
        metadata: JsonObject,
        present: z.int(),
        invited: z.literal(true).optional(),
      }),
    ),
    more: z.boolean(),
  }),
  heartbeat: z.object({
    type: z.literal('heartbeat'),
    id: RequestId.optional(),
    status: z.enum(['ping', 'pong']),
    timestamp: Time,
  }),
} as const;

export type Welcome = z.infer<typeof WelcomeData>;
export type ChannelReply = { seq: number; gap?: { from: number; to: number }; reset?: true; already?: true };

/** An `error` frame (PU4); `retryable` follows from the code. */
export function errorFrame(error: {
  id?: string | undefined;
  code: SocketErrorCode;
  message: string;
  field?: string | undefined;
  retryAfterMs?: number | undefined;
}): string {
  const { id, code, message, field, retryAfterMs } = error;
  return JSON.stringify({
    type: 'error',
    id,
    code,
    message,
    field,
    retryable: ERROR_CODES[code].retryable,
    retryAfterMs,
  });
}

/**
 * The reason that goes with a 4003 (CL2): the delay after which this client may reconnect. It fits the 123 bytes of a
 * close frame.
 */
export function drainReason(retryAfterMs: number): string {
  return JSON.stringify({ retryAfterMs });
}

/** The text beside a close code: its name in {@link CLOSE_CODES}. */
export function closeReason(code: number): string {
  return Object.entries(CLOSE_CODES).find(([, value]) => value === code)?.[0] ?? '';
}
