import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { CROSSING_VERSION, crossingSchemas } from '../../src/actors/messages/crossing.ts';
import { CodecError, fromText, toText } from '../../src/cluster/codec.ts';
import type { RemoteEnvelope, RemoteMessage } from '../../src/runtime/ports/bus.ts';

const envelope: RemoteEnvelope = {
  type: 'envelope',
  to: 'room:r',
  from: 'conn:n1.x.1',
  lane: 'user',
  key: undefined,
  message: { type: 'spend' },
  ask: 7,
  isTell: false,
  remainingMs: 1_000,
  generation: 'n2.y/3',
};

test('what nodes say to each other is pinned: a change of it is a new version', () => {
  const hash = createHash('sha256').update(JSON.stringify(crossingSchemas())).digest('hex').slice(0, 16);
  expect({ version: CROSSING_VERSION, hash }).toEqual({ version: 5, hash: '374bf9df541f6500' });
});

test.each<RemoteMessage>([
  envelope,
  { ...envelope, lane: 'latest', key: 'k', generation: null, ask: 0, remainingMs: 0 },
  {
    type: 'answer',
    ask: 7,
    answer: { ok: true, body: { seq: 1, at: 2, isDuplicate: false } },
    generation: null,
  },
  { type: 'answer', ask: 7, answer: { ok: true, body: { isPublic: true } }, generation: null },
  {
    type: 'answer',
    ask: 7,
    answer: { ok: true, body: { error: 'forbidden', message: 'no' } },
    generation: null,
  },
  { type: 'answer', ask: 7, answer: { ok: false, taken: true, reason: 'unreachable' }, generation: null },
  { type: 'publication', to: 'relay:room:r', message: { type: 'head', head: 5 } },
  { type: 'whois', to: 'room:r' },
  { type: 'generation', of: 'room:r', generation: 'n2.y/3' },
  { type: 'moved', of: 'room:r', generation: 'n2.y/4', ask: 7 },
  { type: 'moved', of: 'room:r', generation: null, ask: 7 },
  { ...envelope, isTell: true },
  { type: 'publication', to: 'view', message: { type: 'viewChanged', stamp: 'a-stamp' } },
  { type: 'publication', to: 'directory', message: { type: 'present', room: 'r', count: 3, home: 'n2.y' } },
  {
    type: 'publication',
    to: 'sessions',
    message: { type: 'revokedElsewhere', user: 'al', session: null, before: null, at: 1 },
  },
])('arrives as it was sent: $type', (message) => {
  expect(fromText(toText(message))).toEqual(JSON.parse(JSON.stringify(message)));
});

test.each([
  ['no JSON', '{'],
  ['no object', '7'],
  ['a type that there is not', '{"type":"dance"}'],
  ['a message that there is not', toText({ ...envelope, message: { type: 'dance' } })],
  ['a field too many', toText({ ...envelope, message: { type: 'spend', all: true } })],
  ['a message that stays on its node', toText({ ...envelope, message: { type: 'logRestarted' } })],
  ['a negative time', toText({ ...envelope, remainingMs: -1 })],
  ['a relay’s message for a home', toText({ ...envelope, message: { type: 'head', head: 5 } })],
])('is refused with what is wrong: %s', (_, received) => {
  expect(() => fromText(received)).toThrow(CodecError);
});
