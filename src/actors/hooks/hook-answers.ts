import { HOOK_ERROR_CODES, type HookErrorCode } from '../../protocol/codes.ts';
import { decodeRequest } from '../../protocol/decode.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import type { JoinQuestion, MessageQuestion } from '../../runtime/ports/hooks.ts';
import type { Refusal } from '../messages.ts';

/** What a message is made of, as far as an application may change it. */
export interface MessageBody {
  readonly content: string;
  /** A JSON object as text, or null. */
  readonly data: string | null;
}

/** `nonsense`: why an answer is none. */
export type Judged<Granted> = Granted | Refusal | { readonly nonsense: string };

/** UTF-16 units of a refusal's text: it is for a person. */
const TEXT_MAX = 500;

/** `true`, `false`, or `{ error, message? }` with one of {@link HOOK_ERROR_CODES}. */
export function judgeJoin(json: string, { room }: JoinQuestion): Judged<'granted'> {
  const answer = JSON.parse(json) as unknown;
  if (answer === true) return 'granted';
  if (answer === false) return { error: 'forbidden', message: `you may not join ${room}` };
  const fields = fieldsOf(answer, ['error', 'message']);
  if (fields?.['error'] === undefined) return { nonsense: 'it must be true, false or { error, message? }' };
  return refusal(fields['error'], fields['message'] ?? `you may not join ${room}`);
}

/**
 * `true`, `false`, `{ change: { content?, data? } }` or `{ refuse: { code?, message } }`. A changed message must be one that the
 * client could have sent itself, in a frame of at most so many bytes.
 */
export function judgeMessage(
  json: string,
  question: MessageQuestion,
  frameBytes: number,
): Judged<MessageBody> {
  const answer = JSON.parse(json) as unknown;
  if (answer === true) return { content: question.content, data: question.data };
  if (answer === false) return { error: 'forbidden', message: `you may not send this to ${question.room}` };
  const { change, refuse } = fieldsOf(answer, ['change', 'refuse']) ?? {};
  const changed = fieldsOf(change, ['content', 'data']);
  const refused = fieldsOf(refuse, ['code', 'message']);
  if (changed && refuse === undefined) return changedBody(changed, question, frameBytes);
  if (refused && change === undefined) return refusal(refused['code'] ?? 'forbidden', refused['message']);
  return {
    nonsense: 'it must be true, false, { change: { content?, data? } } or { refuse: { code?, message } }',
  };
}

function refusal(code: unknown, message: unknown): Refusal | { nonsense: string } {
  const isCode = (HOOK_ERROR_CODES as readonly unknown[]).includes(code);
  if (!isCode) return { nonsense: `a code must be one of ${HOOK_ERROR_CODES.join(', ')}` };
  const isText = typeof message === 'string' && message.length > 0 && message.length <= TEXT_MAX;
  if (!isText || !message.isWellFormed())
    return { nonsense: `a message must be a text of 1 to ${TEXT_MAX} characters` };
  return { error: code as HookErrorCode, message };
}

/** Held against what holds for a frame, by making one of it (FR1, FR3, FR8, RQ4). */
function changedBody(
  { content, data }: Readonly<Record<string, unknown>>,
  before: MessageBody,
  frameBytes: number,
): MessageBody | { nonsense: string } {
  const dataText = data === undefined ? before.data : data === null ? null : JSON.stringify(data);
  const body = { content: content === undefined ? before.content : content, data: dataText };
  const more = dataText === null ? '' : `,"data":${dataText}`;
  const frame = `{"type":"chat","content":${JSON.stringify(body.content)}${more}}`;
  if (utf8Bytes(frame) > frameBytes) return { nonsense: `a message must fit a frame of ${frameBytes} bytes` };
  const decoded = decodeRequest(frame);
  return decoded.ok ? (body as MessageBody) : { nonsense: decoded.message };
}

/** The fields of an object that has no others; undefined for anything else: a name that is misspelt must not pass. */
function fieldsOf(value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.keys(value).every((key) => known.includes(key))
    ? (value as Record<string, unknown>)
    : undefined;
}
