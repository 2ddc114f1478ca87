import { beforeEach, describe, expect, test } from 'vitest';
import type { Address, Answer, Behaviour, Effect, Turn } from '../../src/runtime/ports/actor.ts';
import type { BusEvents, RemoteMessage } from '../../src/runtime/ports/bus.ts';
import { ActorSystem } from '../../src/runtime/system.ts';
import { World } from '../support/world.ts';

// Two nodes on one clock: `near.1` and `far.1`. Who owns `home:…` is what a test says.

type Message = { readonly type: string; readonly n?: number; readonly timer?: string };
type Step = (message: Message, turn: Turn) => readonly Effect[];

const FAR = 'far.1';
const NEAR = 'near.1';

let owner: string | undefined;
let network: Network;
let near: TestNode;
let far: TestNode;

/** Carries batches when told to; what leaves is kept as text. */
class Network {
  readonly nodes = new Map<string, { events: BusEvents; queue: [string, RemoteMessage][] }>();
  /** Every message that left, as `from > to type`. */
  readonly carried: string[] = [];
  readonly cut = new Set<string>();

  bus(self: string) {
    const node = { events: undefined as unknown as BusEvents, queue: [] as [string, RemoteMessage][] };
    this.nodes.set(self, node);
    return {
      connect: (events: BusEvents) => void (node.events = events),
      send: (peer: string, message: RemoteMessage): boolean => {
        if (!this.nodes.has(peer) || this.cut.has(peer)) return false;
        node.queue.push([peer, JSON.parse(JSON.stringify(message)) as RemoteMessage]);
        return true;
      },
      flush: () => {},
      know: () => {},
    };
  }

  /** One message of a node arrives. */
  carryOne(from: string): boolean {
    const next = this.nodes.get(from)?.queue.shift();
    if (!next) return false;
    const [to, message] = next;
    this.carried.push(`${from} > ${to} ${message.type}`);
    this.nodes.get(to)?.events.received(from, [message]);
    this.run();
    return true;
  }

  /** Every node does what it can do now. */
  run(): void {
    for (const { world } of [near, far]) world.clock.settle();
  }

  /** Time passes on every node. */
  advance(ms: number): void {
    for (const { world } of [near, far]) world.clock.advance(ms);
  }

  /** Until nothing is under way. */
  settle(): void {
    this.run();
    while (this.carryOne(NEAR) || this.carryOne(FAR));
  }
}

class TestNode {
  readonly world = new World();
  readonly system: ActorSystem;
  readonly seen: string[] = [];
  readonly answers: Answer<unknown>[] = [];
  on: Step = (message, turn) => {
    if (message.type === 'boom') throw new Error('boom');
    if (message.type === 'stop') return [{ type: 'stop' }];
    return turn.replyTo ? [{ type: 'reply', to: turn.replyTo, body: { n: message.n } }] : [];
  };

  constructor(self: string) {
    const placement = { self, ownerOf: () => owner, adopt: () => {} };
    const bus = network.bus(self);
    this.system = new ActorSystem({ ...this.world.ports, placement, bus });
    bus.connect({
      received: (from, batch) => this.system.nodes.remote.received(from, batch),
      hole: () => {},
      gaveUp: () => {},
      lost: () => {},
      heard: () => {},
    });
    for (const placed of ['cluster', 'node', 'socket'] as const) {
      const kind = { cluster: 'home', node: 'relay', socket: 'conn' }[placed];
      const behaviour: Behaviour<null, Message> = {
        kind,
        mailboxMax: 4,
        supervision: 'restart',
        placement: placed,
        start: () => [null, []],
        step: (_, message, turn) => {
          this.seen.push(`${turn.self} ${message.type}${(message as Message).n ?? ''}`);
          return this.on(message, turn);
        },
      };
      this.system.register(behaviour);
    }
  }

  ask(to: string, message: Message, deadlineMs = 1_000): void {
    this.system.ask(to as Address<Message>, message, { deadlineMs, lane: 'user' }, (answer) =>
      this.answers.push(answer),
    );
  }

  tell(to: string, message: Message): void {
    this.system.tell(to as Address<Message>, message, 'user');
  }
}

beforeEach(() => {
  network = new Network();
  owner = FAR;
  near = new TestNode(NEAR);
  far = new TestNode(FAR);
});

describe('a message to an actor of which the cluster has one', () => {
  test('goes to its owner; its generation is asked for once', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    near.ask('home:a', { type: 'hello', n: 2 });
    network.settle();
    near.ask('home:a', { type: 'hello', n: 3 });
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a hello2', 'home:a hello3']);
    expect(near.seen).toEqual([]);
    expect(near.answers).toEqual([1, 2, 3].map((n) => ({ ok: true, body: { n } })));
    expect(network.carried.filter((one) => one.endsWith('whois'))).toHaveLength(1);
  });

  test('stays here when this node is the owner', () => {
    owner = NEAR;
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    expect(near.seen).toEqual(['home:a hello1']);
    expect(network.carried).toEqual([]);
  });

  test('with an unknown owner: the asker gets a failure at once, a tell is a dead letter', () => {
    owner = undefined;
    near.ask('home:a', { type: 'hello' });
    near.tell('home:a', { type: 'hello' });
    network.settle();
    expect(near.answers).toEqual([{ ok: false, taken: false, reason: 'unplaced' }]);
    expect(near.system.deadLetters.counts.get('unplaced')).toBe(2);
  });

  test('follows an owner that changes while its generation is asked for', () => {
    near.ask('home:a', { type: 'hello', n: 1 }, 10_000);
    owner = NEAR;
    network.settle();
    // Who is not the owner says nothing.
    expect([...near.seen, ...far.seen]).toEqual([]);
    network.advance(3_100);
    expect([...near.seen, ...far.seen]).toEqual(['home:a hello1']);
    expect(near.answers).toEqual([{ ok: true, body: { n: 1 } }]);
  });

  test('[DG7] one that waits here for an actor that moves goes there before any later one', () => {
    owner = NEAR;
    near.on = () => [{ type: 'hold' }];
    near.tell('home:a', { type: 'leave' });
    network.settle();
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    owner = FAR;
    const view = { version: 1, stamp: '1', nodes: [FAR], shards: [] };
    near.system.nodes.place({ view, peers: [FAR], gone: [] });
    near.ask('home:a', { type: 'hello', n: 2 });
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a hello2']);
    expect(near.answers).toEqual([1, 2].map((n) => ({ ok: true, body: { n } })));
  });

  test('too many messages that wait for a generation are refused', () => {
    for (let n = 0; n < 300; n++) near.tell('home:a', { type: 'hello' });
    expect(near.system.deadLetters.counts.get('overflow')).toBe(300 - 256);
  });

  test('without an answer about the generation the waiting messages end, the tells later', () => {
    near.tell('home:a', { type: 'hello' });
    near.ask('home:a', { type: 'hello' }, 10_000);
    network.advance(3_100);
    expect(near.system.deadLetters.counts.get('unreachable')).toBe(1);
    network.advance(9_000);
    expect(near.system.deadLetters.counts.get('unreachable')).toBe(2);
    expect(near.answers).toEqual([{ ok: false, taken: false, reason: 'unreachable' }]);
  });

  test('its key and lane go along', () => {
    far.on = () => [{ type: 'hold' }];
    near.ask('home:a', { type: 'hello' });
    network.settle();
    for (let n = 1; n <= 6; n++) near.tell('home:a', { type: 'user', n });
    network.settle();
    // The mailbox takes four.
    expect(far.system.deadLetters.counts.get('overflow')).toBe(2);
  });
});

describe('a generation that is over', () => {
  test('takes no message: all of it goes to the next generation, in order', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    far.tell('home:a', { type: 'stop' });
    network.settle();
    near.tell('home:a', { type: 'hello', n: 2 });
    near.ask('home:a', { type: 'hello', n: 3 });
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a stop', 'home:a hello2', 'home:a hello3']);
    expect(near.answers).toEqual([1, 3].map((n) => ({ ok: true, body: { n } })));
  });

  test('by a crash as well', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    far.tell('home:a', { type: 'boom' });
    network.run();
    near.ask('home:a', { type: 'hello', n: 2 }, 10_000);
    network.settle();
    network.advance(2_000);
    network.settle();
    expect(network.carried).toContain('far.1 > near.1 moved');
    expect(near.answers.at(-1)).toEqual({ ok: true, body: { n: 2 } });
  });
});

describe('an ask at another node', () => {
  test('ends by its deadline, and counts as taken: it has left', () => {
    far.on = () => [];
    near.ask('home:a', { type: 'hello' }, 400);
    network.settle();
    network.advance(500);
    expect(near.answers).toEqual([{ ok: false, taken: true, reason: 'expired' }]);
  });

  test('bears what is left of its time, by no clock', () => {
    far.on = (_, turn) => {
      far.seen.push(`until ${turn.deadline - turn.now}`);
      return [];
    };
    near.ask('home:a', { type: 'hello' }, 1_000);
    network.advance(300);
    network.settle();
    expect(far.seen).toContain('until 700');
  });

  test('gets a failure when its actor crashes over it: no life takes it again', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    near.ask('home:a', { type: 'boom' }, 60_000);
    network.settle();
    for (let at = 0; at < 20; at++) {
      network.advance(1_000);
      network.settle();
    }
    expect(near.answers.at(-1)).toEqual({ ok: false, taken: true, reason: 'crashed' });
    expect(far.seen.filter((one) => one === 'home:a boom')).toHaveLength(1);
  });

  test('for what is bound to a socket there ends when that node is gone', () => {
    far.on = () => [];
    far.system.spawn('conn:far.1.7' as Address, undefined);
    near.system.nodes.place({ view: undefined, peers: [FAR], gone: [] });
    near.ask('conn:far.1.7', { type: 'hello', n: 1 }, 60_000);
    near.ask('home:a', { type: 'hello', n: 2 }, 60_000);
    network.settle();
    near.system.nodes.place({ view: undefined, peers: [], gone: [FAR] });
    expect(near.answers).toEqual([{ ok: false, taken: true, reason: 'unreachable' }]);
  });

  test('an answer from a node that was not asked is none', () => {
    far.on = () => [];
    near.ask('home:a', { type: 'hello' });
    network.settle();
    const answer: RemoteMessage = {
      type: 'answer',
      ask: 1,
      answer: { ok: true, body: {} },
      generation: 'far.1/1',
    };
    near.system.nodes.remote.received('other.1', [answer]);
    expect(near.answers).toEqual([]);
    near.system.nodes.remote.received(FAR, [answer]);
    expect(near.answers).toEqual([{ ok: true, body: {} }]);
  });

  test('sent to who is not the owner is refused there', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    near.ask('home:a', { type: 'hello', n: 2 });
    owner = undefined;
    network.settle();
    expect(near.answers.at(-1)).toEqual({ ok: false, taken: false, reason: 'unplaced' });
  });
});

describe('[D13] an unanswered message of an actor that moves', () => {
  const message = (n: number): Message => ({ type: 'hello', n });
  /** The actor lives on another node from here on, and both know it. */
  const move = (to: string): void => {
    owner = to;
    for (const { system } of [near, far])
      system.nodes.place({ view: undefined, peers: [NEAR, FAR], gone: [] });
    network.settle();
  };

  test('is sent again to the new home, in the order in which it was asked, before anything later', () => {
    far.on = () => [];
    near.ask('home:a', message(1), 60_000);
    network.settle();
    near.ask('home:a', message(2), 60_000);
    near.tell('home:a', message(3));
    near.ask('home:a', message(4), 60_000);
    move(NEAR);
    near.ask('home:a', message(5), 60_000);
    network.settle();
    expect(near.seen).toEqual([1, 2, 3, 4, 5].map((n) => `home:a hello${n}`));
    expect(near.answers).toEqual([1, 2, 4, 5].map((n) => ({ ok: true, body: { n } })));
  });

  test('takes along the tells after it, although they have arrived', () => {
    far.on = () => [];
    near.ask('home:a', message(1), 60_000);
    near.tell('home:a', message(2));
    near.tell('home:b', message(3));
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a hello2', 'home:b hello3']);
    move(NEAR);
    expect(near.seen).toEqual(['home:a hello1', 'home:a hello2']);
    expect(near.system.census().asks).toBe(0);
  });

  test('ends, and with it the tells after it that have arrived', () => {
    far.on = ({ n }, turn) =>
      n === 2 && turn.replyTo ? [{ type: 'reply', to: turn.replyTo, body: { n } }] : [];
    near.ask('home:a', message(1), 400);
    near.tell('home:a', message(3));
    near.ask('home:a', message(2), 60_000);
    near.tell('home:a', message(4));
    network.settle();
    expect(near.system.census().asks).toBe(3);
    network.advance(500);
    expect(near.system.census().asks).toBe(0);
    move(NEAR);
    expect(near.seen).toEqual([]);
  });

  test('[S1] only the newest life can answer it', () => {
    far.on = () => [];
    near.ask('home:a', message(1), 60_000);
    network.settle();
    near.on = () => [];
    move(NEAR);
    const late = { type: 'answer', ask: 1, answer: { ok: true, body: { error: 'unavailable' } } } as const;
    near.system.nodes.remote.received(FAR, [{ ...late, generation: 'far.1/1' }]);
    expect(near.answers).toEqual([]);
  });

  test('may have been carried out: an end without an answer says so', () => {
    far.on = () => [];
    near.ask('home:a', message(1), 400);
    network.settle();
    owner = undefined;
    near.system.nodes.place({ view: undefined, peers: [], gone: [FAR] });
    expect(near.answers).toEqual([{ ok: false, taken: true, reason: 'unplaced' }]);
  });

  test('[S2] no message that was for an earlier life is taken by a later one', () => {
    near.ask('home:a', message(1));
    network.settle();
    const held: RemoteMessage = {
      type: 'envelope',
      to: 'home:a',
      from: '',
      lane: 'user',
      key: undefined,
      message: message(9),
      ask: 99,
      isTell: false,
      remainingMs: 1_000,
      generation: 'far.1/1',
    };
    far.tell('home:a', { type: 'stop' });
    network.settle();
    far.system.nodes.remote.received(NEAR, [held]);
    network.settle();
    expect(far.seen).not.toContain('home:a hello9');
  });

  test('a message that waits for an actor which ends goes to the next life by its sender', () => {
    far.on = () => [{ type: 'hold' }];
    near.ask('home:a', message(1), 60_000);
    network.settle();
    near.ask('home:a', message(2), 60_000);
    network.settle();
    far.on = ({ n }, turn) =>
      turn.replyTo ? [{ type: 'reply', to: turn.replyTo, body: { n } }] : [{ type: 'stop' }];
    far.system.tell('home:a' as Address<Message>, { type: 'end' }, 'system');
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a end', 'home:a hello2']);
    expect(near.answers.at(-1)).toEqual({ ok: true, body: { n: 2 } });
  });

  test('a node that is dead is not heard any more', () => {
    near.system.nodes.place({ view: undefined, peers: [FAR], gone: [] });
    near.tell('relay:a', { type: 'start' });
    near.system.nodes.place({ view: undefined, peers: [], gone: [FAR] });
    near.system.nodes.remote.received(FAR, [
      { type: 'publication', to: 'relay:a', message: { type: 'news' } },
    ]);
    network.settle();
    expect(near.seen).toEqual(['relay:a start']);
  });
});

test('an actor that is bound to a socket is reached where its socket is', () => {
  far.system.spawn('conn:far.1.7' as Address, undefined);
  near.tell('conn:far.1.7', { type: 'hello', n: 1 });
  near.tell('conn:far.1.8', { type: 'hello', n: 2 });
  near.tell('conn:near.1.7', { type: 'hello', n: 3 });
  network.settle();
  expect(far.seen).toEqual(['conn:far.1.7 hello1']);
  expect(far.system.deadLetters.counts.get('no_actor')).toBe(1);
  expect(near.system.deadLetters.counts.get('no_actor')).toBe(1);
});

test('a publication reaches the actors that run on the named nodes, and starts none', () => {
  near.tell('relay:a', { type: 'start' });
  network.settle();
  near.on = (message) =>
    message.type === 'go'
      ? [{ type: 'publish', to: 'relay:a', nodes: [NEAR, FAR], message: { type: 'news' } }]
      : [];
  near.tell('relay:b', { type: 'go' });
  network.settle();
  expect(near.seen).toEqual(['relay:a start', 'relay:b go', 'relay:a news']);
  expect(far.seen).toEqual([]);
  far.tell('relay:a', { type: 'start' });
  near.tell('relay:b', { type: 'go' });
  network.settle();
  expect(far.seen).toEqual(['relay:a start', 'relay:a news']);
});

test('every message is accounted for', () => {
  for (let n = 0; n < 20; n++) near.ask('home:a', { type: 'hello', n });
  near.tell('conn:x.1.1', { type: 'hello' });
  network.settle();
  for (const { system } of [near, far]) expect(system.deliveryCounters.waiting).toBe(0);
});
