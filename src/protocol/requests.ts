import { z } from 'zod';
import { RequestId, RoomId, UserId } from './ids.ts';
import { WIRE_LIMITS } from './limits.ts';
import { jsonBytes } from './size.ts';

/**
 * A JSON object as parsed from the frame. It is passed on by reference, because a copy would lose a key named
 * `__proto__`.
 */
type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Stops counting at `max`: the keys of a large object would cost more than the answer. */
function hasMoreKeys(value: JsonObject, max: number): boolean {
  let count = 0;
  for (const _ in value) if (++count > max) return true;
  return false;
}

const Seq = z.int().min(0);

/** A client's position in a channel: the last message it has. With id, sender and time the server compares it with the log. */
export interface Position {
  readonly seq: number;
  /** The message's id. Without it the server trusts the number. */
  readonly id?: string;
  /** The message's sender, in a room. */
  readonly from?: string;
  /** When the server stored it: milliseconds since 1970. Without it a message that was sent again counts as the same. */
  readonly at?: number;
}

const WANTED = 'a whole number from 0, or {"seq","id","from","timestamp"}';

/** A time of the server, as a frame has it. */
const ServerTime = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const Position = z.union(
  [
    Seq.transform((seq): Position => ({ seq })),
    z
      .object({
        seq: Seq,
        id: RequestId.optional(),
        from: z.string().optional(),
        timestamp: ServerTime.optional(),
      })
      .transform(({ seq, id, from, timestamp }): Position => {
        if (id === undefined) return { seq };
        return {
          seq,
          id,
          ...(from === undefined ? {} : { from }),
          ...(timestamp === undefined ? {} : { at: timestamp }),
        };
      }),
  ],
  `must be ${WANTED}`,
);

const Data = z.custom<JsonObject>(isJsonObject, 'must be a JSON object');
const Metadata = Data.refine(
  (value) => jsonBytes(value, WIRE_LIMITS.metadataBytesMax) <= WIRE_LIMITS.metadataBytesMax,
  'must be at most 8 KiB of JSON',
);
const SignalData = z
  .custom<unknown>((value) => value !== undefined, 'is required')
  .refine(
    (value) => jsonBytes(value, WIRE_LIMITS.signalBytesMax) <= WIRE_LIMITS.signalBytesMax,
    'must be at most 4 KiB of JSON',
  );

/**
 * A client's own time (FR5), which the server returns as `sentAt`. A year outside 1970 to 9999 means a broken clock.
 */
const ClientTime = z.iso
  .datetime({ offset: true, message: 'must be an ISO 8601 time' })
  .refine(
    (text) => Date.parse(text) >= 0 && Date.parse(text) < Date.UTC(10_000),
    'must lie between 1970 and 9999',
  )
  .transform((text) => Date.parse(text));

const id = RequestId.optional();

const Positions = z
  .custom<JsonObject>(isJsonObject, 'must be a JSON object')
  .refine((value) => !hasMoreKeys(value, WIRE_LIMITS.resumeChannelsMax), {
    abort: true,
    message: 'names too many channels',
  })
  .transform((value, context): ReadonlyMap<string, Position> => {
    const positions = new Map<string, Position>();
    for (const [name, given] of Object.entries(value)) {
      const position = Position.safeParse(given);
      if (!position.success) {
        context.addIssue(`positions must each be ${WANTED}`);
        return z.NEVER;
      }
      positions.set(name, position.data);
    }
    return positions;
  });

const LogName = z.string().max(64).optional();

/** Requests, client to server (RQ1 to RQ12). Unknown fields are dropped (FR3). */
export const REQUESTS = {
  join: z.object({
    type: z.literal('join'),
    id,
    room: RoomId,
    log: LogName,
    since: Position.optional(),
  }),
  resume: z.object({
    type: z.literal('resume'),
    id,
    log: LogName,
    channels: Positions,
  }),
  leave: z.object({ type: z.literal('leave'), id, room: RoomId }),
  chat: z.object({
    type: z.literal('chat'),
    id,
    room: RoomId.optional(),
    content: z.string().min(1, 'must have at least 1 character'),
    data: Data.optional(),
    timestamp: ClientTime.optional(),
  }),
  signal: z.object({ type: z.literal('signal'), id, room: RoomId, data: SignalData }),
  history: z
    .object({
      type: z.literal('history'),
      id,
      room: RoomId.optional(),
      channel: z.string().max(80).optional(),
      after: Seq.optional(),
      before: Seq.optional(),
      limit: z.int().min(1).max(WIRE_LIMITS.historyLimitMax).optional(),
    })
    .refine((frame) => frame.room === undefined || frame.channel === undefined, {
      path: ['channel'],
      message: 'is set together with room; name one of the two',
    })
    .refine((frame) => frame.room !== undefined || frame.channel !== undefined, {
      path: ['room'],
      message: 'or channel is required',
    })
    .refine((frame) => frame.after === undefined || frame.before === undefined, {
      path: ['before'],
      message: 'is set together with after; name one of the two',
    }),
  presence: z.object({ type: z.literal('presence'), id, room: RoomId, after: UserId.optional() }),
  create: z.object({
    type: z.literal('create'),
    id,
    room: RoomId.optional(),
    access: z.enum(['public', 'private']),
    members: z.array(UserId).max(WIRE_LIMITS.membersMax).optional(),
    metadata: Metadata.optional(),
  }),
  rooms: z.object({
    type: z.literal('rooms'),
    id,
    after: RoomId.optional(),
    limit: z.int().min(1).max(WIRE_LIMITS.roomsPageMax).optional(),
    invited: z.boolean().optional(),
  }),
  refresh: z.object({ type: z.literal('refresh'), id, token: z.string().min(1) }),
  heartbeat: z.object({ type: z.literal('heartbeat'), id, status: z.enum(['ping', 'pong']) }),
} as const;

export const Request = z.discriminatedUnion('type', [
  REQUESTS.join,
  REQUESTS.resume,
  REQUESTS.leave,
  REQUESTS.chat,
  REQUESTS.signal,
  REQUESTS.history,
  REQUESTS.presence,
  REQUESTS.create,
  REQUESTS.rooms,
  REQUESTS.refresh,
  REQUESTS.heartbeat,
]);

export type Request = z.infer<typeof Request>;
export type RequestType = Request['type'];
export type RequestOf<Type extends RequestType> = Extract<Request, { type: Type }>;
