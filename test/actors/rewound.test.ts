import { beforeEach, expect, test } from 'vitest';
import { LOG_LIMITS } from '../../src/actors/log/log.ts';
import { LEASE } from '../../src/actors/messages/node.ts';
import type { Address } from '../../src/runtime/ports/actor.ts';
import type { StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { Program, type HeldCall } from '../support/program.ts';

// The log goes backwards under a node that lives on (D21): a standby was promoted that had not all of it.

let p: Program;
let number: number;
let kept: ReturnType<Program['world']['store']['snapshot']>;

/** `m1` to `m3` are safe, `m4` and `m5` will be lost; somebody is live and was shown all of them. */
beforeEach(() => {
  p = new Program();
  number = p.connect('ann');
  p.frame(number, { type: 'join', id: 'j', room: 'r' });
  for (const id of ['m1', 'm2', 'm3']) p.chat('r', id);
  p.settle();
  kept = p.world.store.snapshot();
  for (const id of ['m4', 'm5']) p.chat('r', id);
  p.settle();
  expect(shown(number)).toEqual(['1:m1', '2:m2', '3:m3', '4:m4', '5:m5']);
  p.world.store.restore(kept);
});

/** What a connection was shown of the room: messages, ranges that were skipped, and resets. */
function shown(connection: number): string[] {
  return p.frames(connection).flatMap(({ type, action, seq, id, data }) => {
    if (type === 'chat') return [`${seq}:${id}`];
    if (action === 'reset') return [`reset ${data.seq}`];
    return action === 'skipped' ? [`skipped ${data.from} to ${data.to}`] : [];
  });
}

const after = (connection: number): string[] => shown(connection).slice(5);

test('[PU2] [DG2] an append shows it: nothing is stored out of place, and a client that has lost messages gets a reset', () => {
  p.chat('r', 'n4');
  p.settle();
  p.chat('r', 'n5');
  p.settle();
  expect([p.said('n4'), p.said('n5')]).toEqual([[4], [5]]);
  expect(p.log('r')).toEqual(['1:m1', '2:m2', '3:m3', '4:n4', '5:n5']);
  expect(after(number)).toEqual(['reset 3', '4:n4', '5:n5']);
  expect(p.world.counts.get('reset_rewound')).toBe(1);
  expect(p.world.counts.get('rewinds')).toBe(1);
});

test('[FR4] a message that was acked and lost is stored again when the client sends it again, and is no repeat', () => {
  p.chat('r', 'm5');
  p.settle();
  const last = p.outcomes.at(-1)?.answer.body;
  expect(last).toMatchObject({ seq: 4, isDuplicate: false });
  expect(after(number)).toEqual(['reset 3', '4:m5']);
});

test('[RQ1] [PU2] a client that comes gets the head of the log, and a client that is there gets a reset to it', () => {
  const late = p.connect('ben');
  p.frame(late, { type: 'join', id: 'l', room: 'r', since: 5 });
  p.settle();
  expect(p.frames(late).find(({ id }) => id === 'l')).toMatchObject({ seq: 3, reset: true });
  expect(after(number)).toEqual(['reset 3']);
  const log = (connection: number): string => p.frames(connection)[0].data.log;
  expect(log(late)).toBe(`${log(number)}.2`);
  p.chat('r', 'n4');
  p.settle();
  expect(after(number)).toEqual(['reset 3', '4:n4']);
  expect(shown(late)).toEqual(['4:n4']);
  // It has grown up to a number that was shown before the failover.
  const back = p.connect('cat');
  p.frame(back, { type: 'join', id: 'n', room: 'r', since: 4, log: log(number) });
  p.settle();
  expect(p.frames(back).find(({ id }) => id === 'n')).toMatchObject({ seq: 4, reset: true });
});

test('[RQ1] [PU2] a channel that is on already began where it was reset to, if that is earlier', () => {
  const ben = p.connect('ben');
  // The home does not know yet that the log has lost its end.
  p.frame(ben, { type: 'join', id: 'one', room: 'r' });
  p.frame(ben, { type: 'join', id: 'two', room: 'r', since: 1 });
  p.settle();
  const ack = (id: string) => p.frames(ben).find((frame) => frame.id === id);
  expect(ack('one')).toMatchObject({ type: 'ack', seq: 5 });
  expect(shown(ben)).toEqual(['reset 3']);
  expect(ack('two')).toMatchObject({ type: 'ack', seq: 3, already: true, gap: { from: 2, to: 3 } });
  for (const id of ['n4', 'n5', 'n6']) p.chat('r', id);
  p.settle();
  p.frame(ben, { type: 'join', id: 'three', room: 'r', since: 1 });
  p.settle();
  expect(ack('three')).toMatchObject({ seq: 6, already: true, gap: { from: 2, to: 3 } });
});

test('[RQ2] a client whose earlier position cannot be checked, on a live channel, has to connect again', () => {
  const log = p.frames(number)[0].data.log as string;
  const back = p.connect('ann');
  p.frame(back, { type: 'resume', id: 'b', channels: { broadcast: 0 } });
  p.hook = (call) => {
    if (call.name !== 'places') return false;
    call.fail();
    return true;
  };
  p.frame(back, { type: 'resume', id: 'u', log, channels: { user: { seq: 2, id: 'gone' } } });
  p.settle();
  expect(p.frames(back).find(({ id }) => id === 'u')).toMatchObject({
    channels: { user: { error: 'unavailable' } },
  });
  expect(p.world.sockets.closed.get(back)).toMatchObject({ code: 1011 });
});

test('[PU2] the log has grown past the shown messages before any node looked', () => {
  const { world } = p;
  const owner = 'other';
  const claim = { channel: 'room:r', mode: 'open', epoch: 0 } as const;
  world.store.call('claim', { owner, claims: [claim] }, 1_000, () => {});
  append('o4', 'o5', 'o6');
  p.chat('r', 'n7');
  p.settle();
  p.advance(5_000);
  expect(after(number)).toEqual(['reset 3', '4:o4', '5:o5', '6:o6']);
});

test('[PU2] processes beside this one were not heard of for long: what was shown is held against the log', () => {
  p.tell('relay:room:r', { type: 'logMoved' });
  p.settle();
  expect(after(number)).toEqual(['reset 3']);
  expect(p.world.counts.get('rewinds')).toBeUndefined();
});

test('[D21] a renewal shows another timeline: relays look at once, and homes claim anew', () => {
  let timeline = '00000001';
  const claims: unknown[] = [];
  p.hook = (call) => {
    if (call.name === 'claim') claims.push(...call.request.claims);
    if (call.name !== 'renew') return false;
    call.replace((value: StoreCalls['renew']['reply']) => ({ ...value, timeline }));
    call.answer();
    return true;
  };
  const { epoch } = p.world.store.row('room:r')!;
  p.system.tell(LEASE, { type: 'start' });
  p.advance(2_000);
  expect([after(number), claims]).toEqual([[], []]);
  timeline = '00000002';
  p.advance(1_000);
  expect(after(number)).toEqual(['reset 3']);
  expect(p.world.counts.get('reset_rewound')).toBe(1);
  expect(p.world.counts.get('rewinds')).toBe(1);
  expect(claims).toContainEqual({ channel: 'room:r', mode: 'settle', epoch });
  expect(p.world.store.row('room:r')!.epoch).toBe(epoch + 1);
  p.chat('r', 'n4');
  p.settle();
  expect(p.said('n4')).toEqual([4]);
  expect(after(number)).toEqual(['reset 3', '4:n4']);
});

test('[D21] the claim settles messages that were under way as the timeline changed, and each is published once', () => {
  const held: HeldCall[] = [];
  p.hook = (call) => call.name === 'append' && (held.push(call), true);
  p.chat('r', 'n4');
  p.settle();
  p.tell('room:r', { type: 'timelineChanged' });
  p.settle();
  p.hook = undefined;
  // The claim has fenced it.
  held[0]!.answer();
  p.settle();
  p.advance(1_000);
  expect(p.said('n4')).toEqual([4]);
  expect(p.log('r')).toEqual(['1:m1', '2:m2', '3:m3', '4:n4']);
});

test('[DG1] an epoch that is granted twice, since the claim was lost: the home ignores late results of the generation before', () => {
  const { world } = (p = new Program());
  world.store.call(
    'claim',
    { owner: 'before', claims: [{ channel: 'room:r', mode: 'create', epoch: 0 }] },
    0,
    () => {},
  );
  const unclaimed = world.store.snapshot();
  const held: HeldCall[] = [];
  p.hook = (call) => call.name === 'append' && (held.push(call), true);
  p.chat('r', 'o1');
  p.settle();
  held[0]!.commit();
  const { epoch } = world.store.row('room:r')!;
  world.store.restore(unclaimed);
  p.tell('room:r', { type: 'timelineChanged' });
  p.advance(2_000);
  expect(p.said('o1')).toEqual(['unavailable']);
  p.chat('r', 'n1');
  p.settle();
  expect(world.store.row('room:r')!.epoch).toBe(epoch);
  // The server that is gone had stored it.
  held[0]!.answer();
  p.settle();
  expect(p.said('n1')).toEqual([]);
  p.hook = undefined;
  for (const call of held.slice(1)) call.answer();
  p.advance(2_000);
  expect(p.said('n1')).toEqual([1]);
  expect(p.log('r')).toEqual(['1:n1']);
});

test('[PU2] a read that ends too early is no reason to say that anything was removed', () => {
  p.tell('relay:room:r', { type: 'head', head: 7 });
  p.settle();
  p.advance(3_000);
  expect(after(number)).toEqual(['reset 3']);
});

test('[LM7] [PU2] a client that could not take the lost messages, or the reset itself, gets the reset once it can', () => {
  const { shut } = p.world.sockets;
  shut.add(number);
  p.chat('r', 'n4');
  p.settle();
  expect(after(number)).toEqual([]);
  shut.delete(number);
  p.tell('relay:room:r', { type: 'catchUp', connection: number });
  p.settle();
  expect(after(number)).toEqual(['reset 3', '4:n4']);
});

test('[PU2] a client that got no lost message gets no reset', () => {
  const other = p.connect('ben');
  p.frame(other, { type: 'join', id: 'l', room: 'quiet' });
  p.tell('relay:room:quiet', { type: 'rewound' });
  p.settle();
  expect(shown(other)).toEqual([]);
  p.chat('quiet', 'q1');
  p.settle();
  expect(shown(other)).toEqual(['1:q1']);
});

test('[PU2] the place is found among thousands that were shown', () => {
  const q = (p = new Program());
  const reader = q.connect('ann');
  q.frame(reader, { type: 'join', id: 'j', room: 'big' });
  let safe: typeof kept | undefined;
  for (let n = 1; n <= 3_000; n++) {
    q.chat('big', `m${n}`);
    if (n % 50 === 0) q.settle();
    if (n === 2_950) safe = q.world.store.snapshot();
  }
  q.settle();
  q.world.store.restore(safe!);
  for (let n = 1; n <= 60; n++) q.chat('big', `n${n}`);
  q.settle();
  q.advance(2_000);
  const told = shown(reader).slice(3_000);
  const place = Number(/^reset (\d+)$/.exec(told[0]!)?.[1]);
  // Exactly, or a little before where marks are thin; never behind.
  expect(place).toBeLessThanOrEqual(2_950);
  expect(place).toBeGreaterThan(2_850);
  const again = Array.from({ length: 2_950 - place }, (_, at) => `${place + at + 1}:m${place + at + 1}`);
  const fresh = Array.from({ length: 60 }, (_, at) => `${2_951 + at}:n${at + 1}`);
  expect(told.slice(1)).toEqual([...again, ...fresh]);
});

test('[DG4] an epoch that is granted twice: messages of the generation before that wait for the store are not stored', () => {
  const { world } = (p = new Program());
  const claim = { channel: 'room:r', mode: 'create', epoch: 0 } as const;
  world.store.call('claim', { owner: 'before', claims: [claim] }, 0, () => {});
  const unclaimed = world.store.snapshot();
  const held: HeldCall[] = [];
  p.hook = (call) => call.name === 'append' && (held.push(call), true);
  // As many statements as may be are under way.
  for (const room of ['x', 'y', 'r']) {
    p.chat(room, `${room}1`);
    p.settle();
  }
  expect(held).toHaveLength(2);
  world.store.restore(unclaimed);
  p.tell('room:r', { type: 'timelineChanged' });
  p.advance(2_000);
  expect(p.said('r1')).toEqual(['unavailable']);
  p.chat('r', 'n1');
  p.settle();
  p.hook = undefined;
  for (const call of held) call.answer();
  p.advance(3_000);
  expect(p.said('n1')).toEqual([1]);
  expect(p.log('r')).toEqual(['1:n1']);
});

test('[PU2] its home is deposed, since the log has lost its epoch: the relay compares the shown messages with the log', () => {
  p.tell('relay:room:r', { type: 'homeDeposed' });
  p.settle();
  expect(after(number)).toEqual(['reset 3']);
});

/** What another owner stores beside this one. */
function append(...ids: string[]): void {
  const { store } = p.world;
  if (!store.row('room:r')) {
    const claim = { channel: 'room:r', mode: 'create', epoch: 0 } as const;
    store.call('claim', { owner: 'before', claims: [claim] }, 1_000, () => {});
  }
  const { epoch, owner } = store.row('room:r')!;
  const appends = ids.map((id) => {
    const entry = { id, sender: 'u', content: '', data: null, sentAt: null };
    return { channel: 'room:r', epoch, createsRoom: true, entry } as const;
  });
  store.call('append', { owner, appends }, 1_000, () => {});
}

function join(since: number): number {
  const connection = p.connect('ann');
  p.frame(connection, {
    type: 'join',
    id: 'j',
    room: 'r',
    since: { seq: since, id: `m${since}`, from: 'u' },
  });
  p.settle();
  return connection;
}

const answer = (connection: number): object => p.frames(connection).find(({ id }) => id === 'j');

test('[RQ2] [PU2] a message that was lost and sent again at its old seq does not vouch for those before it', () => {
  p = new Program();
  append('m1');
  const safe = p.world.store.snapshot();
  append('m2', 'm3');
  const live = join(1);
  const [old] = p.frames(live).filter(({ id }) => id === 'm3');
  const gone = { seq: 3, id: 'm3', from: 'u', timestamp: old?.['timestamp'] };
  p.advance(1_000);
  p.world.store.restore(safe);
  append('n2', 'm3');
  const askFrom = (since: object): number => {
    const connection = p.connect('ben');
    p.frame(connection, { type: 'join', id: 'j', room: 'r', since });
    p.settle();
    return connection;
  };
  // Who comes back is told, and so is who never left.
  expect(answer(askFrom(gone))).toMatchObject({ seq: 3, reset: true });
  p.tell('relay:room:r', { type: 'timelineChanged' });
  p.settle();
  expect(shown(live)).toEqual(['2:m2', '3:m3', 'reset 1', '2:n2', '3:m3']);
  const [resent] = p
    .frames(live)
    .filter(({ id, timestamp }) => id === 'm3' && timestamp !== old?.['timestamp']);
  expect(answer(askFrom({ ...gone, timestamp: resent?.['timestamp'] }))).not.toHaveProperty('reset');
});

test('[DG4] the log stores no message that its room has answered with gone, though the deletion is lost', () => {
  p = new Program({ logLimits: { ...LOG_LIMITS, appendsInFlight: 1 } });
  p.chat('r', 'm1');
  p.settle();
  const safe = p.world.store.snapshot();
  const held: HeldCall[] = [];
  p.hook = (call) => call.name === 'append' && held.push(call) > 0;
  p.chat('other', 'x');
  p.settle();
  // It waits in the log until the append before it is answered.
  p.chat('r', 'm2');
  p.settle();
  p.system.ask('room:r' as Address<object>, { type: 'delete' }, { deadlineMs: 10_000 }, () => {});
  p.settle();
  expect(p.outcomes.at(-1)?.answer.body).toMatchObject({ error: 'gone' });
  p.world.store.restore(safe);
  p.hook = undefined;
  held[0]?.answer();
  p.settle();
  expect(p.log('r')).toEqual(['1:m1']);
});

test('[PU2] nothing that anyone on the channel was shown is still there: each comes back, and says what it has seen', () => {
  p = new Program();
  append('m1', 'm2');
  const safe = p.world.store.snapshot();
  append('m3');
  const before = join(3);
  expect(answer(before)).not.toHaveProperty('reset');
  p.world.store.restore(safe);
  append('n3', 'n4');
  p.tell('relay:room:r', { type: 'timelineChanged' });
  p.settle();
  expect(shown(before)).toEqual([]);
  expect(p.world.sockets.closed.has(before)).toBe(true);
  expect(answer(join(3))).toMatchObject({ seq: 4, reset: true });
});

test('[PU2] what one alone was shown, catching up, is held against the log too', () => {
  p = new Program();
  append('m1', 'm2', 'm3');
  const safe = p.world.store.snapshot();
  append('m4', 'm5');
  const behind = join(2);
  p.world.store.restore(safe);
  append('n4', 'n5', 'n6');
  p.tell('relay:room:r', { type: 'timelineChanged' });
  p.settle();
  expect(shown(behind)).toEqual(['3:m3', '4:m4', '5:m5', 'reset 2', '3:m3', '4:n4', '5:n5', '6:n6']);
});

test('[RQ1] [RQ2] a position above the head means nothing, though the log has grown to it by the time it is answered', () => {
  p = new Program();
  append('m1');
  const live = join(1);
  let held: HeldCall | undefined;
  p.hook = (call) => call.name === 'places' && (call.commit(), (held = call), true);
  const late = join(2);
  p.hook = undefined;
  p.chat('r', 'n2');
  p.settle();
  expect(shown(live)).toEqual(['2:n2']);
  held?.answer();
  p.settle();
  expect(answer(late)).toMatchObject({ seq: 2, reset: true });
});

test('[PU2] [DG2] a client that catches up during a proof waits for its end: the batches in memory and the log may differ', () => {
  p = new Program({ page: { limit: 2, bytesMax: 1e6 } });
  append('m1', 'm2', 'm3');
  const safe = p.world.store.snapshot();
  const live = join(3);
  const held: HeldCall[] = [];
  p.hook = (call) => call.name === 'page' && (held.push(call), true);
  const behind = join(1);
  for (const id of ['m4', 'm5', 'm6']) p.chat('r', id);
  p.settle();
  p.world.store.restore(safe);
  append('n4', 'n5', 'n6', 'n7');
  p.hook = (call) => call.name === 'places' && (held.push(call), true);
  p.tell('relay:room:r', { type: 'timelineChanged' });
  p.settle();
  const [page, place] = held;
  page?.answer();
  p.settle();
  expect(shown(behind)).toEqual([]);
  p.hook = undefined;
  place?.answer();
  p.advance(2_000);
  expect(shown(behind)).toEqual(['2:m2', '3:m3', '4:n4', '5:n5', '6:n6', '7:n7']);
  expect(shown(live)).toEqual(['4:m4', '5:m5', '6:m6', 'reset 3', '4:n4', '5:n5', '6:n6', '7:n7']);
});
