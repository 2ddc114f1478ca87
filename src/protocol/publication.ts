import { z } from 'zod';
import { channelKind, parseChannel, type Channel, type ChannelKind } from './channels.ts';
import { unfitValue } from './decode.ts';
import { RequestId } from './ids.ts';
import { WIRE_LIMITS } from './limits.ts';
import { utf8Bytes } from './size.ts';

// What other programs publish by Redis (RC1), and what nodes publish for them (RC2).

/** What `type` names in each kind of channel. */
const TYPES = {
  room: 'chat_message',
  user: 'user_event',
  broadcast: 'system_event',
} as const satisfies Record<ChannelKind, string>;

/** Time in a publication: whole milliseconds since 1970, before the year 10000. */
const Timestamp = z.int().min(0).max(253_402_300_799_999);

const Envelope = z.object({
  channel: z.string(),
  type: z.string(),
  message: z.string(),
  timestamp: Timestamp.optional(),
});

const id = RequestId.optional();
const from = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -')
  .optional();
const anObject = z.custom<object>(isObject, 'must be a JSON object');

const Chat = z.object({
  content: z.string().min(1, 'must have at least 1 character'),
  data: anObject.optional(),
  id,
  from,
});
const Event = z.object({
  data: z.custom<unknown>((value) => value !== undefined, 'is required'),
  id,
  from,
});

/** A message that another program has published. */
export interface Publication {
  readonly content: string;
  /** JSON text, or null. */
  readonly data: string | null;
  readonly sender: string;
  /** Undefined when the publication has none. */
  readonly id: string | undefined;
  /** The time that the publication names, ms since 1970. */
  readonly sentAt: number | null;
}

/** An unfit publication (RC3): what is wrong with it. */
export interface Malformed {
  readonly malformed: string;
}

/** A channel by the name it has in Redis; undefined when the text names none. */
export const publicChannel = parseChannel;

/** A publication that says what is stored begins with this, and nothing else may. */
const SEQ_FIRST = '{"seq":';

/** Whether it comes from a node (RC2): it is never taken in. */
export function isAnnouncement(text: string): boolean {
  return text.startsWith(SEQ_FIRST);
}

/** Reads a publication on a channel (RC1). Unknown fields are dropped, as in frames (FR3). */
export function readPublication(channel: Channel, text: string): Publication | Malformed {
  const envelope = parsed(Envelope, text);
  if ('malformed' in envelope) return envelope;
  const { type, message, timestamp } = envelope.value;
  const kind = channelKind(channel);
  if (Object.hasOwn(envelope.raw, 'seq')) return { malformed: 'seq: only nodes name it' };
  if (envelope.value.channel !== channel)
    return { malformed: `channel: must be ${channel}, as it is published there` };
  if (type !== TYPES[kind]) return { malformed: `type: must be ${TYPES[kind]}` };
  if (utf8Bytes(message) > WIRE_LIMITS.frameBytesMax)
    return { malformed: `message: must be at most ${WIRE_LIMITS.frameBytesMax} bytes` };
  const inner = kind === 'room' ? parsed(Chat, message) : parsed(Event, message);
  if ('malformed' in inner) return { malformed: `message: ${inner.malformed}` };
  const { value, raw } = inner;
  return {
    content: 'content' in value ? value.content : '',
    // As it was parsed: a copy would lose a key named `__proto__`.
    data: raw['data'] === undefined ? null : JSON.stringify(raw['data']),
    sender: `svc:${value.from ?? 'redis'}`,
    id: value.id,
    sentAt: timestamp ?? null,
  };
}

type Parsed<Value> = { readonly value: Value; readonly raw: Readonly<Record<string, unknown>> } | Malformed;

function parsed<Value>(schema: z.ZodType<Value>, text: string): Parsed<Value> {
  const raw = jsonOf(text);
  if (!isObject(raw)) return { malformed: 'must be a JSON object' };
  const unfit = unfitValue(raw, 1, true);
  if (unfit) return { malformed: unfit };
  const { success, data, error } = schema.safeParse(raw);
  if (success) return { value: data, raw: raw as Record<string, unknown> };
  const [issue] = error.issues;
  return { malformed: `${String(issue?.path[0] ?? '')}: ${issue?.message ?? 'is not valid'}` };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A stored message. */
export interface Announced {
  readonly seq: number;
  readonly id: string;
  readonly sender: string;
  readonly content: string;
  readonly data: string | null;
  /** When it was stored, ms since 1970. */
  readonly at: number;
}

/** The publication of a stored message for other programs (RC2). `from` is its sender, as in frames. */
export function announcementOf(channel: Channel, entry: Announced): string {
  const kind = channelKind(channel);
  const { seq, id, sender, content, data, at } = entry;
  const own = kind === 'room' ? `"content":${JSON.stringify(content)}` : undefined;
  const fields = [
    `"id":${JSON.stringify(id)}`,
    `"from":${JSON.stringify(sender)}`,
    ...(own ? [own] : []),
    ...(data === null ? [] : [`"data":${data}`]),
  ];
  const message = JSON.stringify(`{${fields.join(',')}}`);
  return `${SEQ_FIRST}${seq},"channel":${JSON.stringify(channel)},"type":"${TYPES[kind]}","message":${message},"timestamp":${at}}`;
}
