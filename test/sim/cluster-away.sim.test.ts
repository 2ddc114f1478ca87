import { describe, expect, test } from 'vitest';
import type { SimNode } from '../../src/sim/world/node.ts';
import { Scenario, type ScenarioClient } from '../support/scenario.ts';

// The table of "A cluster" in docs/operations.md, row by row (D14): what works, and what does not, while a part is down.

const SEEDS = [1, 2, 3, 4];

/** By then the nodes have shared the channels, and moved what they pass to each other. */
const SETTLED_MS = 15_000;

interface Cluster {
  readonly scenario: Scenario;
  /** The node that has the room's home. */
  readonly home: SimNode;
  readonly room: string;
  /** A client of the home's node, and one of another. Both have joined the room. */
  readonly ann: ScenarioClient;
  readonly bob: ScenarioClient;
  /** The node of `bob`. */
  readonly far: SimNode;
}

function cluster(seed: number): Cluster {
  const scenario = new Scenario(seed, { nodes: 3, graceMs: 500, writer: { idleMs: 300_000 } });
  scenario.run(SETTLED_MS);
  const [home, far] = scenario.nodes as [SimNode, SimNode];
  const [ann, bob] = [scenario.connect('ann', {}, home), scenario.connect('bob', {}, far)];
  const room = roomAt(home, ann);
  bob.request({ type: 'join', room });
  return { scenario, home, room, ann, bob, far };
}

let rooms = 0;

/** A room whose home is on this node. The client has joined it. */
function roomAt(node: SimNode, client: ScenarioClient): string {
  for (;;) {
    const room = `r${++rooms}`;
    expect(client.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
    if (node.system.cell(`room:${room}`)) return room;
    client.request({ type: 'leave', room });
  }
}

const features = (client: ScenarioClient): string[] =>
  client.notifications('degraded').at(-1)?.['data'].features ?? [];

const chat = (room: string, content: string) => ({ type: 'chat', room, content });

/** Sends until it is acked, and returns how long that took. */
function ackedAfter(scenario: Scenario, client: ScenarioClient, room: string): number {
  const began = scenario.timeline.now;
  while (client.request(chat(room, 'again'))['type'] !== 'ack') scenario.run(100);
  return scenario.timeline.now - began;
}

describe.each(SEEDS)('[D14] seed %i', (seed) => {
  test('Redis is away for every node: channels of the own node, and reading everywhere', () => {
    const { scenario, room, ann, bob, far } = cluster(seed);
    scenario.network.away(40_000);
    scenario.run(5_000);
    for (const client of [ann, bob]) expect(features(client)).toEqual(['cluster']);
    const late = scenario.connect('cy', {}, far);
    expect(features(late)).toContain('cluster');
    expect(ann.request(chat(room, 'near'))).toMatchObject({ type: 'ack', seq: 1 });
    // Each node asks the database every 2 s which channels have moved.
    const began = scenario.timeline.now;
    scenario.until(() => bob.chats(room).length === 1);
    expect(scenario.timeline.now - began).toBeLessThan(3_000);
    expect(bob.request({ type: 'history', room })).toMatchObject({ messages: [{ content: 'near' }] });
    for (const type of ['chat', 'presence'])
      expect(bob.request({ type, room, content: 'far' })).toMatchObject({
        code: 'unavailable',
        retryable: true,
      });
    expect(late.request({ type: 'join', room })).toMatchObject({ code: 'unavailable' });
    scenario.run(40_000);
    for (const client of [ann, bob, late]) expect(features(client)).toEqual([]);
    expect(bob.request(chat(room, 'back'))).toMatchObject({ type: 'ack', seq: 2 });
    scenario.until(() => ann.chats(room).length === 2);
    expect(ann.chats(room).map(({ content }) => content)).toEqual(['near', 'back']);
  });

  test('Redis is away for one node: its channels have homes elsewhere after 5 s', () => {
    const { scenario, home, room, ann, bob } = cluster(seed);
    scenario.network.away(30_000, home.owner);
    expect(ackedAfter(scenario, bob, room)).toBeLessThan(10_000);
    expect(home.system.cell(`room:${room}`)).toBeUndefined();
    // Its own client reads on.
    scenario.until(() => ann.chats(room).length === 1);
    expect(features(ann)).toEqual(['cluster']);
    scenario.run(30_000);
    expect(features(ann)).toEqual([]);
    expect(ann.request(chat(room, 'back'))).toMatchObject({ type: 'ack', seq: 2 });
  });

  test('PostgreSQL is away: nothing is acked, no node is declared dead, and homes stay', () => {
    const { scenario, home, room, ann, bob } = cluster(seed);
    scenario.fault = 'db-down';
    scenario.run(60_000);
    for (const client of [ann, bob]) {
      expect(client.request(chat(room, 'lost'))).toMatchObject({ code: 'unavailable', retryable: true });
      expect(client.closed).toBeUndefined();
    }
    scenario.fault = undefined;
    expect(ackedAfter(scenario, bob, room)).toBeLessThan(10_000);
    expect(scenario.nodes.every(({ isAlive }) => isAlive)).toBe(true);
    expect(home.system.cell(`room:${room}`)).toBeDefined();
    expect(scenario.log.head(`room:${room}`)).toBe(1);
  });

  test('a node is killed: its channels go on within 6 s, and its users have left', () => {
    const { scenario, home, room, bob } = cluster(seed);
    home.kill();
    expect(ackedAfter(scenario, bob, room)).toBeLessThan(6_000);
    scenario.run(2_000);
    expect(bob.request({ type: 'presence', room })).toMatchObject({ members: [{ user: 'bob' }] });
  });
});
