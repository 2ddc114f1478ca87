import { HOOK_ERROR_CODES, type HookErrorCode } from '../../protocol/codes.ts';
import { decodeRequest } from '../../protocol/decode.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import type { Action, AuthorizeQuestion, MessageQuestion } from '../../runtime/ports/hooks.ts';
import type { Refusal } from '../messages/terms.ts';

/** The parts of a message that an application may change. */
export interface MessageBody {
  readonly content: string;
  /** A JSON object as text, or null. */
  readonly data: string | null;
}

/** A decision about something that a user wants to do. */
export type Decision = { readonly isGranted: true } | Refusal;

/** A decision, and for how long it may be kept (ms). */
export interface Decided {
  readonly decision: Decision;
  readonly forMs: number;
}

/** Why an answer cannot be used. */
export interface Nonsense {
  readonly nonsense: string;
}

/** UTF-16 units of a refusal's text: it is for a person. */
const TEXT_MAX = 500;

/** The longest that a decision may be kept. */
const KEPT_MS_MAX = 3_600_000;

const WHAT: Readonly<Record<Action, string>> = {
  join: 'join',
  send: 'write to',
  read: 'read',
  presence: 'see who is in',
  signal: 'signal to',
  create: 'create',
};

/** `true`, `false`, `{ allow, forMs? }`, or `{ error, message?, forMs? }` with one of {@link HOOK_ERROR_CODES}. */
export function judgeAuthorize(json: string, { action, room }: AuthorizeQuestion): Decided | Nonsense {
  const answer = JSON.parse(json) as unknown;
  const standard = `you may not ${WHAT[action]} ${room}`;
  if (typeof answer === 'boolean') return { decision: decisionOf(answer, standard), forMs: 0 };
  const fields = fieldsOf(answer, ['allow', 'error', 'message', 'forMs']) ?? {};
  const { allow, error, message, forMs = 0 } = fields;
  if (!isSpan(forMs))
    return { nonsense: `forMs must be a whole number of milliseconds from 0 to ${KEPT_MS_MAX}` };
  if (typeof allow === 'boolean' && error === undefined && message === undefined)
    return { decision: decisionOf(allow, standard), forMs };
  if (error === undefined || allow !== undefined)
    return { nonsense: 'it must be true, false, { allow, forMs? } or { error, message?, forMs? }' };
  const refused = refusal(error, message ?? standard);
  return 'nonsense' in refused ? refused : { decision: refused, forMs };
}

function decisionOf(isGranted: boolean, message: string): Decision {
  return isGranted ? { isGranted } : { error: 'forbidden', message };
}

function isSpan(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= KEPT_MS_MAX;
}

/**
 * `true`, `false`, `{ change: { content?, data? } }` or `{ refuse: { code?, message } }`. A changed message must be one that the
 * client could have sent itself, in a frame of at most so many bytes.
 */
export function judgeMessage(
  json: string,
  question: MessageQuestion,
  frameBytes: number,
): MessageBody | Refusal | Nonsense {
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

function refusal(code: unknown, message: unknown): Refusal | Nonsense {
  const isCode = (HOOK_ERROR_CODES as readonly unknown[]).includes(code);
  if (!isCode) return { nonsense: `a code must be one of ${HOOK_ERROR_CODES.join(', ')}` };
  const isText = typeof message === 'string' && message.length > 0 && message.length <= TEXT_MAX;
  if (!isText || !message.isWellFormed())
    return { nonsense: `a message must be a text of 1 to ${TEXT_MAX} characters` };
  return { error: code as HookErrorCode, message };
}

/** Checks it with the rules of a frame, by making one of it (FR1, FR3, FR8, RQ4). */
function changedBody(
  { content, data }: Readonly<Record<string, unknown>>,
  before: MessageBody,
  frameBytes: number,
): MessageBody | Nonsense {
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
