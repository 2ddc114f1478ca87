import { z } from 'zod';
import { channelKind, type Channel, type ChannelKind } from './channels.ts';
import { unfitValue } from './decode.ts';
import { RequestId } from './ids.ts';
import { WIRE_LIMITS } from './limits.ts';
import { isJsonObject, REQUESTS } from './requests.ts';
import { utf8Bytes } from './size.ts';

// What other programs publish by Redis (RC1), and what nodes publish for them (RC2).

/** What `type` names in each kind of channel. */
const TYPES = {
  room: 'chat_message',
  user: 'user_event',
  broadcast: 'system_event',
} as const satisfies Record<ChannelKind, string>;

const Envelope = z.object({
  channel: z.string(),
  type: z.string(),
  message: z.string(),
  /** Whole milliseconds since 1970, before the year 10000. */
  timestamp: z.int().min(0).lt(Date.UTC(10_000)).optional(),
  seq: z.undefined('only nodes name it').optional(),
});

const name = RequestId.optional();
const { content, data } = REQUESTS.chat.shape;

const Chat = z.object({ content, data, id: name, from: name });
const Event = z.object({
  data: z.custom<unknown>((value) => value !== undefined, 'is required'),
  id: name,
  from: name,
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
  const { type, message, timestamp } = envelope;
  const kind = channelKind(channel);
  if (envelope.channel !== channel)
    return { malformed: `channel: must be ${channel}, as it is published there` };
  if (type !== TYPES[kind]) return { malformed: `type: must be ${TYPES[kind]}` };
  if (utf8Bytes(message) > WIRE_LIMITS.frameBytesMax)
    return { malformed: `message: must be at most ${WIRE_LIMITS.frameBytesMax} bytes` };
  const inner = kind === 'room' ? parsed(Chat, message) : parsed(Event, message);
  if ('malformed' in inner) return { malformed: `message: ${inner.malformed}` };
  return {
    content: 'content' in inner ? inner.content : '',
    data: inner.data === undefined ? null : JSON.stringify(inner.data),
    sender: `svc:${inner.from ?? 'redis'}`,
    id: inner.id,
    sentAt: timestamp ?? null,
  };
}

function parsed<Value extends object>(schema: z.ZodType<Value>, text: string): Value | Malformed {
  const value = jsonOf(text);
  if (!isJsonObject(value)) return { malformed: 'must be a JSON object' };
  const unfit = unfitValue(value, 1, true);
  if (unfit) return { malformed: unfit };
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  return { malformed: `${String(issue?.path[0] ?? '')}: ${issue?.message ?? 'is not valid'}` };
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
  const fields = [
    `"id":${JSON.stringify(id)}`,
    `"from":${JSON.stringify(sender)}`,
    ...(kind === 'room' ? [`"content":${JSON.stringify(content)}`] : []),
    ...(data === null ? [] : [`"data":${data}`]),
  ];
  const message = JSON.stringify(`{${fields.join(',')}}`);
  return `${SEQ_FIRST}${seq},"channel":${JSON.stringify(channel)},"type":"${TYPES[kind]}","message":${message},"timestamp":${at}}`;
}
