import fc from 'fast-check';

// Frames that a client should not send, and some that it might.

const room = fc.constantFrom(
  'fuzz-a',
  'fuzz-b',
  'fuzz-private',
  'nowhere',
  '',
  'a room',
  '__proto__',
  'r'.repeat(65),
);
const id = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/), fc.string({ maxLength: 80 }), fc.integer());
const seq = fc.oneof(
  fc.nat({ max: 50 }),
  fc.integer(),
  fc.constantFrom(2 ** 53, -0, 1.5, 1e308),
  fc.string({ maxLength: 4 }),
);
const json = fc.jsonValue({ maxDepth: 6 });

const likely = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<object> =>
  fc.record(fields, { requiredKeys: ['type'] });

const requests = fc.oneof(
  likely({ type: fc.constant('join'), id, room, since: seq }),
  likely({ type: fc.constant('leave'), id, room }),
  likely({
    type: fc.constant('chat'),
    id,
    room,
    content: fc.string({ unit: 'binary' }),
    data: json,
    timestamp: fc.oneof(
      fc.string(),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
    ),
  }),
  likely({ type: fc.constant('signal'), id, room, data: json }),
  likely({
    type: fc.constant('history'),
    id,
    room,
    channel: fc.constantFrom('user', 'broadcast', 'room:fuzz-a', 'user:bob', 'x'),
    after: seq,
    before: seq,
    limit: seq,
  }),
  likely({ type: fc.constant('presence'), id, room, after: fc.string() }),
  likely({
    type: fc.constant('create'),
    id,
    room,
    access: fc.constantFrom('public', 'private', 'secret'),
    members: fc.array(fc.string(), { maxLength: 5 }),
    metadata: json,
  }),
  likely({ type: fc.constant('refresh'), id, token: fc.string() }),
  likely({ type: fc.constant('heartbeat'), id, status: fc.constantFrom('ping', 'pong', 'pang') }),
  likely({
    type: fc.constant('resume'),
    id,
    log: fc.string(),
    channels: fc.dictionary(
      fc.constantFrom('broadcast', 'user', 'room:fuzz-a', 'room:x', 'user:bob', '__proto__'),
      seq,
    ),
  }),
  likely({ type: fc.string(), id, room, content: json }),
);

/** A valid text with a piece cut out, doubled, or replaced. */
const mutated = fc
  .tuple(requests, fc.nat(), fc.nat({ max: 8 }), fc.string({ unit: 'binary', maxLength: 6 }))
  .map(([request, place, length, insert]) => {
    const text = JSON.stringify(request);
    const at = place % (text.length + 1);
    return text.slice(0, at) + insert + text.slice(at + length);
  });

const odd = fc.constantFrom(
  '',
  '{}',
  '[]',
  'null',
  '"x"',
  '1e999',
  '{"type":',
  '{"type":null}',
  '\u0000',
  '{"type":"chat","content":"\\ud800"}',
  '{"__proto__":{"type":"chat"}}',
  `{"type":"chat","data":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`,
  '['.repeat(5_000),
  '{"type":"join","room":{"toString":1}}',
  `{"type":"chat","room":"fuzz-a","content":"${'😀'.repeat(2_000)}"}`,
  '{"type":"hasOwnProperty"}',
  '{"type":"chat","room":"fuzz-a","content":"ok"}',
);

/** Well-formed text: a string that is not is no text frame. */
export const randomFrame: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 5, arbitrary: requests.map((request) => JSON.stringify(request)) },
    { weight: 5, arbitrary: mutated },
    { weight: 2, arbitrary: json.map((value) => JSON.stringify(value)) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    { weight: 1, arbitrary: odd },
  )
  .map((text) => text.toWellFormed());
