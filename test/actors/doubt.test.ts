import { beforeEach, describe, expect, test } from 'vitest';
import { Program, type HeldCall } from '../support/program.ts';

// What a home makes of a store that answers late, not at all, or something else than is true. Each of these was
// found by reading: the sequence that triggers it is written out.

let p: Program;
beforeEach(() => {
  p = new Program();
  p.chat('r', 'first');
  p.settle();
});

/** Reads that fail until the breaker opens, while the calls named in `except` are held by the test. */
function openBreaker(): void {
  for (let n = 0; n < 25; n++) {
    p.system.ask(
      'log' as never,
      { type: 'head', channel: `room:z${n}` } as never,
      { deadlineMs: 3_000 },
      () => {},
    );
    p.settle();
  }
  expect(p.world.logged.at(-1)?.event).toBe('store unreachable');
}

test('[invariant 6] an outcome for an earlier generation of the home does not count for another message', () => {
  let append: HeldCall | undefined;
  let claim: HeldCall | undefined;
  p.hook = (call) => {
    if (call.name === 'append' && !append) return (append = call.commit()) !== undefined;
    if (call.name === 'claim') return (claim = call.commit()) !== undefined;
    return false;
  };
  p.chat('r', 'A');
  p.settle();
  p.tell('room:r', { type: 'boom' });
  p.settle();
  p.advance(250);
  p.chat('r', 'B1');
  p.chat('r', 'B2');
  p.settle();
  p.hook = (call) => call.name === 'append';
  claim?.answer();
  append?.answer();
  p.settle();
  expect(p.said('B1')).toEqual([]);
  expect(p.said('B2')).toEqual([]);
  expect(p.log('r')).toEqual(['1:first', '2:A']);
});

describe('[D14] the breaker is open while a statement of the same channel is under way', () => {
  let append: HeldCall;
  beforeEach(() => {
    p.hook = (call) => {
      if (call.name === 'append') append = call;
      else call.fail();
      return true;
    };
    p.chat('r', 'A');
    p.settle();
    openBreaker();
  });

  test('[DG4] no sender gets an error that means "not stored" while the message may be stored', () => {
    p.chat('r', 'C');
    p.settle();
    for (let at = 0; at < 39; at++) p.advance(100);
    append.commit().fail('unknown');
    p.settle();
    expect(p.said('A')).toEqual([]);
    p.hook = undefined;
    p.advance(5_000);
    expect(p.said('A')).toEqual([2]);
  });

  test('[LC4] the room comes back when the store does', () => {
    p.chat('r', 'C');
    p.world.clock.slice();
    append.answer();
    p.settle();
    p.hook = undefined;
    p.advance(60_000);
    p.chat('r', 'D');
    p.advance(60_000);
    expect(p.said('D')).toHaveLength(1);
    expect(p.said('D')[0]).toBeTypeOf('number');
  });

  test('[DG7] what came later is not stored before it', () => {
    p.chat('r', 'C');
    p.settle();
    p.advance(900);
    p.hook = undefined;
    append.answer();
    p.settle();
    for (let n = 0; n < 40; n++) {
      p.advance(20);
      p.chat('r', `D${n}`);
      p.settle();
    }
    p.advance(3_000);
    const stored = p.log('r').map((entry) => entry.split(':')[1] as string);
    const sent = ['first', 'A', 'C', ...Array.from({ length: 40 }, (_, n) => `D${n}`)];
    expect(stored).toEqual(sent.filter((id) => stored.includes(id)));
    for (const { id, answer } of p.outcomes) expect(stored.includes(id)).toBe(answer.body?.seq !== undefined);
  });
});

test('[DG4] an asker whose patience ends while a claim is answered hears nothing false', () => {
  const claims: HeldCall[] = [];
  p.advance(7);
  p.hook = (call) => {
    if (call.name === 'append') call.commit().fail('unknown');
    else if (call.name === 'claim' && p.world.clock.now() >= 9_000) claims.push(call);
    else call.fail();
    return true;
  };
  p.chat('r', 'A');
  p.settle();
  while (claims.length === 0) p.advance(20);
  while (p.world.clock.now() < 10_008) p.advance(1);
  expect(p.said('A')).toEqual([]);
  claims[0]?.answer();
  p.settle();
  p.advance(100);
  expect(p.said('A')).toEqual(['expired, taken']);
  expect(p.log('r')).toEqual(['1:first', '2:A']);
});

test('[D5] a deletion that overlaps a claim leaves the room usable', async () => {
  let remove: HeldCall | undefined;
  let claim: HeldCall | undefined;
  p.hook = (call) => {
    if (call.name === 'append') call.fail();
    else if (call.name === 'claim') claim = call;
    else if (call.name === 'deleteRoom') remove = call;
    else return false;
    return true;
  };
  p.chat('r', 'A');
  p.settle();
  const deleted = p.ask('room:r', { type: 'delete' });
  p.settle();
  remove?.answer();
  p.settle();
  claim?.fail();
  p.settle();
  p.hook = undefined;
  p.settle();
  expect(await deleted).toMatchObject({ ok: true, body: {} });
  const request = { creator: 'o', access: 'public', members: [], metadata: '{}' };
  const created = p.ask('room:r', { type: 'create', ...request });
  p.settle();
  expect(await created).toMatchObject({ ok: true, body: {} });
  p.chat('r', 'D');
  p.advance(5_000);
  expect(p.said('A')).toEqual(['gone']);
  expect(p.said('D')).toEqual([2]);
});

/** One message sent twice: the first is stored, and the other is its repeat. */
function expectTwins(): void {
  p.chat('r', 'T');
  p.chat('r', 'T');
  p.advance(1_000);
  expect(p.outcomes.filter(({ id }) => id === 'T').map(({ answer }) => answer.body)).toMatchObject([
    { seq: 2, isDuplicate: false },
    { seq: 2, isDuplicate: true },
  ]);
}

test('[FR4] of twins that were both in doubt one is the message and the other its repeat', () => {
  p.hook = (call) => {
    if (call.name !== 'append') return false;
    p.hook = undefined;
    call.commit().fail('unknown');
    return true;
  };
  expectTwins();
});

test('[FR4] of twins that are in doubt when another home has claimed, only the first is the message', () => {
  p.hook = (call) => {
    if (call.name === 'append') call.commit().fail('unknown');
    if (call.name !== 'claim') return call.name === 'append';
    const claims = [{ channel: 'room:r', mode: 'open', epoch: 0 }] as const;
    p.world.store.call('claim', { owner: 'other', claims }, 0, () => {});
    p.hook = undefined;
    return false;
  };
  expectTwins();
});

test('[D9] a gap that cannot be read is tried once a second, not for ever at once', () => {
  const bob = p.connect('bob');
  p.frame(bob, { type: 'join', id: 'j', room: 'r' });
  let reads = 0;
  p.hook = (call) => {
    if (call.name !== 'page') return false;
    reads++;
    call.fail();
    return true;
  };
  p.tell('relay:room:r', { type: 'head', head: 5 });
  for (let slice = 0; slice < 200; slice++) p.world.clock.slice();
  expect(reads).toBe(1);
  p.advance(3_100);
  expect(reads).toBeGreaterThan(2);
  expect(reads).toBeLessThan(6);
});

test('[RQ1] a user whose join is under way when the room is deleted gets the answer at once', async () => {
  const bob = p.connect('bob');
  let heads: HeldCall | undefined;
  p.hook = (call) => call.name === 'heads' && (heads = call) !== undefined;
  p.frame(bob, { type: 'join', id: 'j', room: 'r', since: 0 });
  void p.ask('room:r', { type: 'delete' });
  p.settle();
  p.hook = undefined;
  heads?.answer();
  p.settle();
  expect(p.frames(bob).find(({ id }) => id === 'j')).toMatchObject({ type: 'error', code: 'gone' });
});

test('[D9] the relay learns of a refused batch before it hands out another', () => {
  const bob = p.connect('bob');
  p.frame(bob, { type: 'join', id: 'j', room: 'r' });
  const { shut } = p.world.sockets;
  const entry = (seq: number) => ({
    id: `e${seq}`,
    sender: 'u',
    content: 'x',
    data: null,
    sentAt: null,
    seq,
    at: 0,
  });
  shut.add(bob);
  // The next batch waits behind the refused one, and the socket takes batches again in between.
  p.tell('relay:room:r', { type: 'published', entries: [entry(2)] });
  p.tell('relay:room:r', { type: 'published', entries: [entry(3)] });
  const fanout = p.world.sockets.fanout.bind(p.world.sockets);
  p.world.sockets.fanout = (...args) => {
    const refused = fanout(...args);
    shut.clear();
    return refused;
  };
  p.settle();
  const seqs = p.frames(bob).flatMap(({ type, seq }) => (type === 'chat' ? [seq as number] : []));
  expect(seqs).toEqual([...seqs].toSorted((a, b) => a - b));
});

test('[JW5] a session that is ended while its connection is being opened is ended too', async () => {
  const revoked = p.ask('sessions', {
    type: 'revoke',
    user: 'ann',
    session: null,
    before: null,
    isLasting: false,
  });
  p.settle();
  expect(await revoked).toMatchObject({ ok: true, body: { at: p.world.clock.wall() } });
  const ann = p.connect('ann');
  p.settle();
  expect(p.world.sockets.closed.get(ann)).toMatchObject({ code: 4502 });
});
