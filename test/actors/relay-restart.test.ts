import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Effects } from '../../src/actors/kit/effects.ts';
import { Program, type HeldCall } from '../support/program.ts';

// A step of a relay that throws closes no connection (D5): its next generation continues where each subscriber was before it.

const RELAY = 'relay:room:r';

/** Where a step of the relay throws: before it begins, at one of its effects, or when it is done. */
type Point = 'before' | 'after' | number;

/** Steps of the relay, counted from `watch` on. One of them throws. */
class Steps {
  readonly seen: { readonly kind: string; readonly effects: number }[] = [];
  readonly #throws: { readonly step: number; readonly at: Point } | undefined;
  #effects = -1;
  hasThrown = false;

  constructor(throws?: { readonly step: number; readonly at: Point }) {
    this.#throws = throws;
  }

  watch(program: Program): void {
    program.throwsAt = ({ actor, message, isDone }) => {
      if (actor !== RELAY) return false;
      const isIt = this.seen.length === this.#throws?.step && !this.hasThrown;
      if (!isDone) this.#effects = 0;
      else {
        this.seen.push({ kind: kindOf(message), effects: this.#effects });
        this.#effects = -1;
      }
      const throws = isIt && this.#throws?.at === (isDone ? 'after' : 'before');
      if (throws) this.#threw();
      return throws;
    };
  }

  /** The actor adds an effect. */
  added(): void {
    if (this.#effects < 0) return;
    const { step, at } = this.#throws ?? {};
    const isIt = this.seen.length === step && this.#effects++ === at && !this.hasThrown;
    if (!isIt) return;
    this.#threw();
    throw new Error('boom');
  }

  #threw(): void {
    this.hasThrown = true;
    this.#effects = -1;
  }
}

function kindOf(message: any): string {
  const { context } = message;
  if (context?.for === 'enter') return `answer ${context.of[0].why}`;
  if (message.type === 'answer') return `answer ${context.for}`;
  return message.type === 'timer' ? `timer ${message.timer.split(' ')[0]}` : message.type;
}

/** What a relay is sent in the first story. */
const KINDS = [
  'subscribe',
  'enterRequestsWait',
  'answer enter',
  'answer head',
  'start',
  'published',
  'answer page',
  'timer catchUp',
  'roster',
  'refused',
  'signal',
  'catchUp',
  'unsubscribe',
  'evict',
  'logMoved',
  'timelineChanged',
  'rewound',
  'homeDeposed',
  'recheck',
  'device',
  'head',
  'answer proof',
  'answer gap',
  'timer gap',
  'homeStarted',
  'answer reenter',
  'timer reenter',
  'members',
];

let steps: Steps;

beforeEach(() => {
  for (const name of ['add', 'tell', 'ask', 'reply', 'arm', 'publish', 'count'] as const) {
    const real = Effects.prototype[name] as (...given: unknown[]) => void;
    vi.spyOn(Effects.prototype, name).mockImplementation(function (this: Effects, ...given: unknown[]) {
      steps.added();
      real.apply(this, given);
    });
  }
});

afterEach(() => vi.restoreAllMocks());

/** What a connection was shown of the room. */
function shown(p: Program, connection: number): string[] {
  return p.frames(connection).flatMap(({ type, action, seq, id, data }) => {
    if (type === 'chat') return [`${seq}:${id}`];
    if (action === 'reset') return [`reset ${data.seq}`];
    return action === 'skipped' ? [`skipped ${data.from} to ${data.to}`] : [];
  });
}

const reply = (p: Program, connection: number, id: string): any =>
  p.frames(connection).find((frame) => frame.id === id && frame.type !== 'chat');

/** Sends a frame again until it is not `unavailable`. */
function insist(p: Program, connection: number, frame: object): any {
  for (let n = 1; n <= 5; n++) {
    p.frame(connection, { ...frame, id: `i${n}` });
    p.advance(1_500);
    const said = reply(p, connection, `i${n}`);
    if (said?.code !== 'unavailable') return said;
  }
  throw new Error('it stays unavailable');
}

/**
 * Runs a story once for each step of the relay and each point in it at which it can throw. With `only` for the first and the
 * last step of these kinds, and three points.
 */
function everywhere(story: (steps: Steps) => void, only?: readonly string[]): Set<string> {
  const run = (one: Steps): void => {
    steps = one;
    story(one);
  };
  const plain = new Steps();
  run(plain);
  const isEnd = (step: number, kind: string): boolean =>
    [plain.seen.find((one) => one.kind === kind), plain.seen.findLast((one) => one.kind === kind)].includes(
      plain.seen[step],
    );
  for (const [step, { kind, effects }] of plain.seen.entries()) {
    if (only && !(only.includes(kind) && isEnd(step, kind))) continue;
    const points: Point[] = [
      'before',
      'after',
      ...Array.from({ length: only ? Math.min(effects, 1) : effects }, (_, at) => at),
    ];
    for (const at of points) {
      const one = new Steps({ step, at });
      try {
        run(one);
      } catch (error) {
        throw new Error(`when step ${step}, ${kind}, throws at ${at}: ${String(error)}`, { cause: error });
      }
      expect(one.hasThrown, `step ${step}, ${kind}, at ${at}`).toBe(true);
    }
  }
  return new Set(plain.seen.map(({ kind }) => kind));
}

function expectOpen(p: Program): void {
  expect([...p.world.sockets.closed]).toEqual([]);
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `${from + n}:m${from + n}`);

describe('[D5] a step of a relay that throws', () => {
  test('leaves all connected, and each gets every message once and in order', { timeout: 120_000 }, () => {
    const kinds = everywhere((watched) => {
      const p = new Program();
      const [ann, ben, cas, dan, eve, gus] = ['ann', 'ben', 'cas', 'dan', 'eve', 'gus'].map((user) =>
        p.connect(user),
      ) as [number, number, number, number, number, number];
      p.frame(ann, {
        type: 'create',
        id: 'c',
        room: 'r',
        access: 'private',
        members: ['ben', 'cas', 'dan', 'eve', 'gus'],
      });
      for (const one of [ann, ben, eve, gus]) p.frame(one, { type: 'join', id: 'j', room: 'r' });
      let sent = 0;
      const chat = (): void => {
        p.chat('r', `m${++sent}`);
        p.settle();
      };
      for (let n = 0; n < 3; n++) chat();
      watched.watch(p);
      // One that catches up, while one page of the log is under way.
      const pages: HeldCall[] = [];
      p.hook = (call) => call.name === 'page' && pages.push(call) > 0;
      p.frame(cas, { type: 'join', id: 'j', room: 'r', since: { seq: 1, id: 'm1' } });
      chat();
      p.hook = undefined;
      for (const page of pages) page.fail();
      p.settle();
      p.advance(1_500);
      // One whose socket takes nothing for a while.
      p.world.sockets.shut.add(ben);
      p.inbox.congested(ben);
      chat();
      p.frame(ann, { type: 'signal', id: 's', room: 'r', data: 1 });
      chat();
      p.world.sockets.shut.delete(ben);
      p.inbox.drained(ben);
      p.advance(300);
      // One joins, one leaves, one is removed, and all of them while messages come.
      p.frame(dan, { type: 'join', id: 'j', room: 'r' });
      chat();
      p.frame(eve, { type: 'leave', id: 'l', room: 'r' });
      void p.ask('room:r', { type: 'setMember', user: 'gus', isMember: false });
      chat();
      // The log, the home and others have something to say.
      for (const type of ['logMoved', 'timelineChanged', 'rewound', 'homeDeposed', 'recheck'])
        p.tell(RELAY, { type });
      for (const state of ['suspect', 'alive']) p.tell(RELAY, { type: 'device', connection: ben, state });
      p.hook = (call) => call.name === 'page' && pages.push(call) > 0;
      p.tell(RELAY, { type: 'head', head: sent + 1 });
      chat();
      p.hook = undefined;
      for (const page of pages.splice(0)) page.fail();
      p.tell('room:r', { type: 'boom' });
      p.advance(300);
      chat();
      p.advance(12_000);
      if (reply(p, cas, 'j').code) insist(p, cas, { type: 'join', room: 'r', since: { seq: 1, id: 'm1' } });
      if (reply(p, dan, 'j').code) insist(p, dan, { type: 'join', room: 'r' });
      chat();
      p.advance(1_000);

      expectOpen(p);
      expect(sent).toBe(11);
      for (const one of [ann, ben]) expect(shown(p, one)).toEqual(numbered(1, sent));
      expect(shown(p, cas)).toEqual(numbered(2, sent));
      const joined = p.frames(dan).findLast(({ type, action }) => type === 'ack' && action === undefined);
      expect(shown(p, dan)).toEqual(numbered(joined.seq + 1, sent));
      expect(shown(p, eve).slice(0, 6)).toEqual(numbered(1, 6));
      expect(shown(p, eve)).toEqual(numbered(1, shown(p, eve).length));
      expect(shown(p, gus)).toEqual(numbered(1, shown(p, gus).length));
      expect(shown(p, gus).length).toBeLessThanOrEqual(8);
      expect(p.frames(gus).findLast(({ action }) => action === 'left')?.data).toMatchObject({
        users: ['gus'],
      });
      expect(reply(p, eve, 'l')).toMatchObject({ type: 'ack' });
      expect(p.present(ann, 'r')).toEqual(['ann', 'ben', 'cas', 'dan']);
      expect(p.world.counts.get('relay_restarts')).toBe(watched.hasThrown ? 1 : undefined);
    });
    const { size } = kinds;
    for (const kind of KINDS) kinds.delete(kind);
    expect([size, [...kinds]]).toEqual([KINDS.length, []]);
  });

  test('[JW4] forgets no right that is in doubt', () => {
    everywhere((watched) => {
      const p = new Program();
      const [ann, ben] = [p.connect('ann'), p.connect('ben', true)];
      p.frame(ann, { type: 'create', id: 'c', room: 'r', access: 'private', members: ['ben'] });
      for (const one of [ann, ben]) p.frame(one, { type: 'join', id: 'j', room: 'r' });
      const scope = (isAdmin: boolean): void =>
        p.frame(ben, { type: 'refresh', id: 't', token: JSON.stringify(p.claims('ben', isAdmin)) });
      watched.watch(p);
      p.chat('r', 'm1');
      scope(false);
      p.advance(300);
      p.chat('r', 'm2');
      scope(true);
      p.advance(300);
      void p.ask('room:r', { type: 'setMember', user: 'ben', isMember: false });
      p.settle();
      scope(false);
      p.chat('r', 'm3');
      p.advance(3_000);

      expect(p.world.sockets.closed.get(ann)).toBeUndefined();
      expect(shown(p, ann)).toEqual(numbered(1, 3));
      const [, , ...more] = shown(p, ben);
      const isClosed = p.world.sockets.closed.has(ben);
      const crashedOver = p.world.logged.find(({ event }) => event === 'actor crashed')?.details;
      if (isClosed) expect(crashedOver).toMatchObject({ message: 'answer' });
      if (isClosed) expect([p.world.sockets.closed.get(ben)?.code, more]).toEqual([1011, []]);
      else expect(shown(p, ben)).toEqual(numbered(1, 2));
      expect(p.present(ann, 'r')).toEqual(['ann']);
    });
  });

  test('[PU2] tells of what the log has lost, once, whenever it throws', { timeout: 60_000 }, () => {
    everywhere((watched) => {
      const p = new Program();
      const [ann, ben] = [p.connect('ann'), p.connect('ben')];
      for (const one of [ann, ben]) p.frame(one, { type: 'join', id: 'j', room: 'r' });
      for (const id of ['m1', 'm2', 'm3']) p.chat('r', id);
      p.settle();
      const kept = p.world.store.snapshot();
      for (const id of ['m4', 'm5']) p.chat('r', id);
      p.settle();
      p.world.store.restore(kept);
      watched.watch(p);
      p.world.sockets.shut.add(ben);
      p.inbox.congested(ben);
      p.chat('r', 'n4');
      p.settle();
      p.chat('r', 'n5');
      p.settle();
      p.world.sockets.shut.delete(ben);
      p.inbox.drained(ben);
      p.advance(5_000);
      p.chat('r', 'n6');
      p.advance(1_000);

      expectOpen(p);
      for (const one of [ann, ben])
        expect(shown(p, one)).toEqual([...numbered(1, 5), 'reset 3', '4:n4', '5:n5', '6:n6']);
    });
  });

  test('[D9] goes on where a long room was written to', { timeout: 120_000 }, () => {
    const only = ['continue', 'timer crowd', 'published', 'refused'];
    const kinds = everywhere((watched) => {
      const p = new Program();
      const all = Array.from({ length: 510 }, (_, n) => p.connect(`u${n}`));
      for (const one of all) p.frame(one, { type: 'join', id: 'j', room: 'r' });
      p.advance(6_000);
      watched.watch(p);
      const [slow = 0] = all.slice(-1);
      p.world.sockets.shut.add(slow);
      p.inbox.congested(slow);
      for (const id of ['m1', 'm2']) p.chat('r', id);
      p.settle();
      p.frame(p.connect('late'), { type: 'join', id: 'j', room: 'r' });
      p.advance(300);
      p.chat('r', 'm3');
      p.advance(2_000);
      p.world.sockets.shut.delete(slow);
      p.inbox.drained(slow);
      p.advance(12_000);

      expectOpen(p);
      const ends = all.map((one) => {
        const members = p.frames(one).findLast(({ action }) => action === 'members');
        return `${shown(p, one).join()} of ${members?.data.count}`;
      });
      expect(new Set(ends)).toEqual(new Set([`${numbered(1, 3).join()} of 511`]));
    }, only);
    for (const kind of only) expect([...kinds]).toContain(kind);
  });
});

describe('[D5] a relay whose steps throw again and again', () => {
  let p: Program;
  let ann: number;

  beforeEach(() => {
    steps = new Steps();
    p = new Program();
    ann = p.connect('ann');
    p.frame(ann, { type: 'join', id: 'j', room: 'r' });
    p.settle();
  });

  const back = (since: number): any => {
    const next = p.connect('ann');
    p.frame(next, { type: 'join', id: 'j', room: 'r', since });
    return { next, said: reply(p, next, 'j') };
  };

  test('over one message gives it up: the connections close, and the next ones read it from the log', () => {
    p.throwsAt = ({ actor, message }) => actor === RELAY && message.type === 'published';
    p.chat('r', 'm1');
    p.settle();
    expectOpen(p);
    p.advance(300);
    expect(p.world.sockets.closed.get(ann)?.code).toBe(1011);
    p.throwsAt = undefined;
    p.advance(500);
    expect(p.system.cell(RELAY)).toBeUndefined();
    const { next, said } = back(0);
    expect(said).toMatchObject({ type: 'ack' });
    p.settle();
    expect(shown(p, next)).toEqual(['1:m1']);
  });

  test('five times in a minute is in quarantine for 30 s: the connections close, and joins fail', () => {
    p.throwsAt = ({ actor, message }) => actor === RELAY && message.context?.for === 'proof';
    p.tell(RELAY, { type: 'logMoved' });
    p.advance(2_900);
    expectOpen(p);
    p.advance(300);
    expect(p.world.sockets.closed.get(ann)?.code).toBe(1011);
    expect(p.world.counts.get('actor_crashes')).toBe(5);
    p.throwsAt = undefined;
    p.chat('r', 'm1');
    p.settle();
    expect(back(0).said).toMatchObject({ type: 'error', code: 'unavailable' });
    p.advance(31_000);
    expect(p.system.cell(RELAY)).toBeUndefined();
    const { next, said } = back(0);
    expect(said).toMatchObject({ type: 'ack' });
    p.settle();
    expect(shown(p, next)).toEqual(['1:m1']);
  });
});
