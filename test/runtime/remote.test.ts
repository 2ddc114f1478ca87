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
    const placement = { self, ownerOf: () => owner };
    const bus = network.bus(self);
    this.system = new ActorSystem({ ...this.world.ports, placement, bus });
    bus.connect({
      received: (from, batch) => this.system.remote.received(from, batch),
      peerUp: () => {},
      peerDown: (peer) => this.system.remote.peerDown(peer),
      hole: () => {},
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

  test('too many messages that wait for a generation are refused', () => {
    for (let n = 0; n < 300; n++) near.tell('home:a', { type: 'hello' });
    expect(near.system.deadLetters.counts.get('overflow')).toBe(300 - 256);
  });

  test('without an answer about the generation the waiting messages end', () => {
    near.tell('home:a', { type: 'hello' });
    near.ask('home:a', { type: 'hello' }, 10_000);
    network.advance(3_100);
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
  test('takes no message: an ask goes to the next generation, a tell is lost', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    far.tell('home:a', { type: 'stop' });
    network.settle();
    near.tell('home:a', { type: 'hello', n: 2 });
    near.ask('home:a', { type: 'hello', n: 3 });
    network.settle();
    expect(far.seen).toEqual(['home:a hello1', 'home:a stop', 'home:a hello3']);
    expect(near.answers).toEqual([1, 3].map((n) => ({ ok: true, body: { n } })));
    expect(near.system.deadLetters.counts.get('moved')).toBe(1);
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

  test('gets a failure when its actor crashes for good or refuses', () => {
    near.ask('home:a', { type: 'hello', n: 1 });
    network.settle();
    near.ask('home:a', { type: 'boom' }, 60_000);
    network.settle();
    for (let at = 0; at < 20; at++) {
      network.advance(1_000);
      network.settle();
    }
    expect(near.answers.at(-1)).toEqual({ ok: false, taken: true, reason: 'poison' });
  });

  test('ends when the other node is gone', () => {
    far.on = () => [];
    near.ask('home:a', { type: 'hello', n: 1 }, 60_000);
    network.settle();
    near.ask('home:b', { type: 'hello', n: 2 }, 60_000);
    network.cut.add(FAR);
    near.system.remote.peerDown(FAR);
    network.settle();
    expect(near.answers).toEqual([
      { ok: false, taken: false, reason: 'unreachable' },
      { ok: false, taken: true, reason: 'unreachable' },
    ]);
  });

  test('an answer from a node that was not asked is none', () => {
    far.on = () => [];
    near.ask('home:a', { type: 'hello' });
    network.settle();
    const answer: RemoteMessage = { type: 'answer', ask: 1, answer: { ok: true, body: {} } };
    near.system.remote.received('other.1', [answer]);
    expect(near.answers).toEqual([]);
    near.system.remote.received(FAR, [answer]);
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
