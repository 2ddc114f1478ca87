import { failed, failure, type ClientError, type Result } from '../errors.ts';
import type { Position } from '../rooms/positions.ts';
import {
  isBoolean,
  isCount,
  isObject,
  isText,
  listOf,
  maybe,
  oneOf,
  pick,
  type Fields,
  type Schema,
} from './frame-schemas.ts';
import { isTime, toJson, utf8Bytes } from './text.ts';

/** The check of a field, and its description. */
type Rule = readonly [(value: unknown) => boolean, string];

const NESTING = 32;

const matching = (pattern: RegExp) => (value: unknown) => isText(value) && pattern.test(value as string);
const within = (bytes: number) => (value: unknown) => utf8Bytes(JSON.stringify(value)) <= bytes;
const optional = ([check, wanted]: Rule): Rule => [maybe(check), wanted];

const isRoom = matching(/^[A-Za-z0-9_-]{1,64}$/);
const isUser = matching(/^(?!svc:)[^\p{C}\p{Z}]{1,255}$/u);
const isMetadata = within(8_192);
const isSignal = within(4_096);

const POSITION: Schema<Position> = {
  seq: isCount,
  id: maybe((value) => isText(value) && /^[A-Za-z0-9_.:-]{1,64}$/.test(value as string)),
  from: maybe(isText),
  timestamp: maybe((value) => isText(value) && isTime(value as string)),
  log: maybe((value) => isText(value) && (value as string).length <= 64),
};

/** A bare seq is a position that the server cannot compare. */
function isPosition(value: unknown): boolean {
  return isCount(value) || pick(value, POSITION) !== undefined;
}

const ROOM: Rule = [isRoom, '1 to 64 of A-Z a-z 0-9 _ -'];
const USER: Rule = [isUser, 'a user: 1 to 255 printable characters without blanks, not beginning with svc:'];
const SEQ: Rule = [isCount, 'a whole number from 0'];
const LIMIT: Rule = [(value) => isCount(value) && value !== 0 && (value as number) <= 200, '1 to 200'];
const CHANNEL: Rule = [
  matching(/^(broadcast|user|room:[A-Za-z0-9_-]{1,64})$/),
  'broadcast, user or room:{room}',
];

/** Rules of the server for frames with an application's values (FR2, FR4 to FR6, RQ1 to RQ11). */
const RULES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  join: {
    room: ROOM,
    since: [maybe(isPosition), 'a whole number from 0, or a position: seq, and id, from, timestamp and log'],
  },
  leave: { room: ROOM },
  chat: {
    id: [
      matching(/^[A-Za-z0-9_.-][A-Za-z0-9_.:-]{0,63}$/),
      '1 to 64 of A-Z a-z 0-9 _ . - (and : but not at the beginning)',
    ],
    room: ROOM,
    content: [(value) => isText(value) && value !== '', 'a text of at least 1 character'],
    data: [maybe(isObject), 'a JSON object'],
    timestamp: [
      maybe((value) => isText(value) && isTime(value as string)),
      'an ISO 8601 time of 1970 to 9999',
    ],
  },
  signal: { room: ROOM, data: [(value) => value !== undefined && isSignal(value), 'JSON of at most 4 KiB'] },
  history: {
    room: optional(ROOM),
    channel: optional(CHANNEL),
    after: optional(SEQ),
    before: optional(SEQ),
    limit: optional(LIMIT),
  },
  presence: { room: ROOM, after: optional(USER) },
  rooms: { after: optional(ROOM), limit: optional(LIMIT), invited: optional([isBoolean, 'true or false']) },
  create: {
    room: optional(ROOM),
    access: [oneOf('public', 'private'), 'public or private'],
    members: [
      maybe((value) => listOf(isUser)(value) && (value as unknown[]).length <= 1_000),
      'a list of at most 1,000 users',
    ],
    metadata: [maybe((value) => isObject(value) && isMetadata(value)), 'a JSON object of at most 8 KiB'],
  },
};

/**
 * A frame as text, or why a server would refuse it. A refusal there counts as a breach of the protocol, and twenty in a
 * minute end a client for good. This validates the frame as the server parses it, after JSON.
 */
export function validateRequest(frame: Readonly<Record<string, unknown>>): Result<string> {
  const text = toJson(frame);
  const error =
    text === undefined ? wrong(notJson(frame), 'JSON') : wrongFrame(JSON.parse(text) as Fields, text);
  return error ? failed(error) : { ok: true, value: text as string };
}

function wrong(field: string, wanted: string): ClientError {
  return { ...failure('bad_frame', `${field} must be ${wanted}`), field };
}

function notJson(frame: Fields): string {
  return Object.keys(frame).find((field) => toJson([frame[field]]) === undefined) ?? 'it';
}

function wrongFrame(frame: Fields, text: string): ClientError | undefined {
  // Such characters can only come from escapes, so a text without any needs no search.
  const hasEscapes = text.includes('\\u');
  const unfit = Object.keys(frame).find((field) => isUnfit(frame[field], 2, hasEscapes));
  if (unfit !== undefined)
    return wrong(unfit, `without U+0000 and half surrogate pairs, and at most ${NESTING} levels deep`);
  const type = frame['type'] as string;
  for (const [field, [check, wanted]] of Object.entries(RULES[type] ?? {}))
    if (!check(frame[field])) return wrong(field, wanted);
  if (type === 'history') {
    const { room, channel, after, before } = frame;
    if (room !== undefined && channel !== undefined) return wrong('channel', 'left out when room is set');
    if (room === undefined && channel === undefined) return wrong('room', 'set, or channel');
    if (after !== undefined && before !== undefined) return wrong('before', 'left out when after is set');
  }
  return undefined;
}

/** Values that no field may contain (FR3, FR8). */
function isUnfit(value: unknown, depth: number, hasEscapes: boolean): boolean {
  if (typeof value === 'string') return hasEscapes && /\0|\p{Cs}/u.test(value);
  if (typeof value !== 'object' || value === null) return false;
  return (
    depth > NESTING ||
    Object.entries(value).some(
      ([key, inner]) => isUnfit(key, depth, hasEscapes) || isUnfit(inner, depth + 1, hasEscapes),
    )
  );
}
