import { z } from 'zod';
import { CROSSING } from '../actors/messages/crossing.ts';
import { DEAD_LETTER_REASONS } from '../runtime/dead-letters.ts';
import type { RemoteMessage } from '../runtime/ports/bus.ts';

/** A text from another node that this version cannot read. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

const text = z.string();
const ask = z.number().int().min(0);
const FRAME = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('envelope'),
    to: text,
    from: text,
    lane: z.enum(['system', 'user', 'latest']),
    key: text.optional(),
    message: CROSSING.home,
    ask,
    isTell: z.boolean(),
    remainingMs: z.number().min(0),
    generation: text.nullable(),
  }),
  z.strictObject({
    type: z.literal('answer'),
    ask,
    answer: z.discriminatedUnion('ok', [
      z.strictObject({
        ok: z.literal(true),
        body: z.union([...Object.values(CROSSING.answers), z.strictObject({})]),
      }),
      z.strictObject({ ok: z.literal(false), taken: z.boolean(), reason: z.enum(DEAD_LETTER_REASONS) }),
    ]),
    generation: text.nullable(),
  }),
  z.strictObject({
    type: z.literal('publication'),
    to: text,
    message: z.union([CROSSING.relay, CROSSING.node]),
  }),
  z.strictObject({ type: z.literal('whois'), to: text }),
  z.strictObject({ type: z.literal('generation'), of: text, generation: text }),
  z.strictObject({ type: z.literal('moved'), of: text, generation: text.nullable(), ask }),
]);

/** A message as text. */
export function toText(message: RemoteMessage): string {
  return JSON.stringify(message);
}

/** The message of a text. Throws a {@link CodecError} for one that this version does not understand. */
export function fromText(received: string): RemoteMessage {
  let value: unknown;
  try {
    value = JSON.parse(received);
  } catch {
    throw new CodecError('a message between nodes is not JSON');
  }
  const parsed = FRAME.safeParse(value);
  if (!parsed.success) throw new CodecError(z.prettifyError(parsed.error));
  return parsed.data as RemoteMessage;
}
