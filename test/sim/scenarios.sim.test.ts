import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import { simulate } from '../../src/sim/world/simulate.ts';
import type { Frame } from '../support/client.ts';
import { Scenario } from '../support/scenario.ts';

// What a node does in one situation, step by step, on virtual time; each for many seeds, which draw the delays.

const SEEDS = Array.from({ length: 20 }, (_, at) => at + 1);

const each = (run: (seed: number) => void): void => SEEDS.forEach(run);

const chat = (room: string, content: string) => ({ type: 'chat', room, content });

describe('drain', () => {
  test('[LC2] [CL2] clients are answered first, then closed with 4003; then nothing is left, and in time', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const clients = ['ann', 'bob', 'cid'].map((user) => scenario.connect(user));
      for (const client of clients) client.request({ type: 'join', room: 'a' });
      clients[0]?.request(chat('a', 'first words'));
      // In flight when the node is told to leave: taken by it, and not yet by the database, which takes its time.
      scenario.fault = 'db-slow';
      const ids = clients.map((client) => client.send(chat('a', 'last words')));
      scenario.run(60);
      scenario.fault = undefined;
      expect(ids.some((id, at) => clients[at]?.reply(id) === undefined)).toBe(true);
      const told = scenario.timeline.now;
      scenario.node.drain();
      const late = scenario.dial('dan');
      scenario.until(() => scenario.hasEnded);
      expect(scenario.timeline.now - told).toBeLessThan(25_000);
      scenario.run(1_000);
      for (const [at, client] of clients.entries()) {
        expect(client.closed).toBe(4003);
        expect(client.reply(ids[at] as string)).toMatchObject({ type: 'ack', room: 'a' });
        expect(client.notifications('draining')).toHaveLength(1);
      }
      const slots = clients.map((client) => client.notifications('draining')[0]?.['data'].retryAfterMs);
      expect(new Set(slots).size).toBe(3);
      expect(late.refused).toContain('going away');
      expect(scenario.log.head('room:a')).toBe(4);
    });
  });

  test('[LC4] homes stop; a later message to one finds the log as it was', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const ann = scenario.connect('ann');
      expect(ann.request(chat('a', 'one'))).toMatchObject({ seq: 1 });
      expect(scenario.actors('room')).toBe(1);
      scenario.node.drain();
      scenario.until(() => ann.closed !== undefined);
      scenario.until(() => scenario.actors('room') === 0 || scenario.hasEnded);
    });
  });

  test('what homes have taken is finished, also what waits for a claim that is under way', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const event = (id: string) => ({ id, sender: 'svc:test', content: '', data: '{}', sentAt: null });
      scenario.run(100);
      const asked = ['user:x', 'user:y', 'broadcast', 'room:z'].map((channel) =>
        scenario.askHome(channel as Channel, { type: 'publish', entry: event(channel), by: null }),
      );
      scenario.node.drain();
      scenario.until(() => scenario.hasEnded);
      for (const { body } of asked) expect(body()).toMatchObject({ seq: 1 });
    });
  });

  test('a store that hangs does not hold it up for ever', () => {
    each((seed) => {
      const scenario = new Scenario(seed);
      const ann = scenario.connect('ann');
      ann.request(chat('a', 'first words'));
      scenario.fault = 'db-hang';
      const id = ann.send(chat('a', 'into nowhere'));
      scenario.run(50);
      const told = scenario.timeline.now;
      scenario.node.drain();
      scenario.until(() => scenario.hasEnded);
      expect(scenario.timeline.now - told).toBeLessThan(25_000);
      scenario.run(1_000);
      expect(ann.closed).toBe(4003);
      // Nobody is told of something that may be stored that it is not.
      expect(ann.reply(id)?.['code'] ?? 'outcome_unknown').toBe('outcome_unknown');
    });
  });

  test('in the middle of everything else, told again and again', () => {
    for (let seed = 1; seed <= 30; seed++)
      expect(simulate({ seed, durationMs: 20_000, faults: ['drain', 'db-slow'] }).violation).toBeUndefined();
  });
});

describe('idle passivation', () => {
  const IDLE = { writer: { idleMs: 5_000 } } as const;

  test('[LC4] the home of a room without members and messages stops; the next message starts a new generation on the same log', () => {
    each((seed) => {
      const scenario = new Scenario(seed, IDLE);
      const ann = scenario.connect('ann');
      ann.request(chat('a', 'one'));
      scenario.run(4_000);
      expect(scenario.actors('room')).toBe(1);
      scenario.run(3_000);
      expect(scenario.actors('room')).toBe(0);
      expect(ann.request(chat('a', 'two'))).toMatchObject({ seq: 2 });
      expect(scenario.actors('room')).toBe(1);
      const bob = scenario.connect('bob');
      expect(bob.request({ type: 'join', room: 'a', since: 0 })).toMatchObject({ seq: 2 });
      scenario.until(() => bob.chats('a').length === 2);
      expect(bob.chats('a').map(({ content }) => content)).toEqual(['one', 'two']);
    });
  });

  test('[LC4] not while a user is present, however quiet the room is', () => {
    each((seed) => {
      const scenario = new Scenario(seed, IDLE);
      const ann = scenario.connect('ann');
      ann.request({ type: 'join', room: 'a' });
      scenario.run(30_000);
      expect(scenario.actors('room')).toBe(1);
      ann.request({ type: 'leave', room: 'a' });
      scenario.run(15_000);
      expect(scenario.actors('room')).toBe(0);
    });
  });

  test('[LC3] a lost user is present for the grace; a user who left is not', () => {
    each((seed) => {
      const scenario = new Scenario(seed, { ...IDLE, graceMs: 5_000 });
      const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((user) => scenario.connect(user));
      for (const client of [ann, bob, cid]) client?.request({ type: 'join', room: 'a' });
      const gone = (): string[] => ann?.notifications('left').flatMap((frame) => frame['data'].users) ?? [];
      bob?.leave();
      cid?.lose();
      scenario.run(4_500);
      expect(gone()).toEqual(['bob']);
      expect(ann?.request({ type: 'presence', room: 'a' })).toMatchObject({ total: 2 });
      scenario.run(1_500);
      expect(gone()).toEqual(['bob', 'cid']);
      expect(ann?.request({ type: 'presence', room: 'a' })).toMatchObject({ total: 1 });
    });
  });
});

describe('limits', () => {
  test('[LM2] a user has so many messages at once, over all connections, and then one after the other', () => {
    each((seed) => {
      const scenario = new Scenario(seed, {
        allowance: { messagesPerMinute: 6 },
        connection: { messagesPerMinute: 6 },
      });
      const devices = [scenario.connect('ann'), scenario.connect('ann')] as const;
      const ids = Array.from({ length: 10 }, (_, at) => [devices[at % 2], at] as const).map(
        ([device, at]) => [device, device?.send(chat('a', `m${at}`)) ?? ''] as const,
      );
      const replies = (): (Frame | undefined)[] => ids.map(([device, id]) => device?.reply(id));
      scenario.until(() => replies().every((reply) => reply !== undefined));
      expect(replies().filter((reply) => reply?.['type'] === 'ack')).toHaveLength(6);
      const refused = replies().filter((reply) => reply?.['code'] === 'rate_limited');
      expect(refused).toHaveLength(4);
      for (const reply of refused) {
        expect(reply).toMatchObject({ retryable: true });
        expect(reply?.['retryAfterMs']).toBeGreaterThan(9_000);
        expect(reply?.['retryAfterMs']).toBeLessThanOrEqual(10_000);
      }
      // Not a millisecond of it is given away, and none is lost: six more in a minute.
      scenario.run(refused[0]?.['retryAfterMs'] as number);
      expect(devices[0].request(chat('a', 'again'))).toMatchObject({ type: 'ack', seq: 7 });
      expect(devices[1].request(chat('a', 'and again'))).toMatchObject({ code: 'rate_limited' });
      // Another user has his own.
      expect(scenario.connect('bob').request(chat('a', 'mine'))).toMatchObject({ type: 'ack' });
    });
  });

  test('[LM2] it is not won back by leaving, nor by the rest of the home', () => {
    each((seed) => {
      const scenario = new Scenario(seed, {
        allowance: { messagesPerMinute: 2 },
        connection: { messagesPerMinute: 2 },
        writer: { idleMs: 1_000 },
      });
      const ann = scenario.connect('ann');
      for (const content of ['one', 'two']) ann.request(chat('a', content));
      ann.leave();
      scenario.run(20_000);
      expect(scenario.connect('ann').request(chat('a', 'three'))).toMatchObject({ code: 'rate_limited' });
      expect(scenario.actors('user')).toBe(1);
    });
  });

  test('[LM2] [CL2] a client that asks on before the time is over is closed with 4504, at the number that is set', () => {
    each((seed) => {
      const scenario = new Scenario(seed, {
        allowance: { messagesPerMinute: 1 },
        connection: { messagesPerMinute: 1, rateAbusePerMinute: 5 },
      });
      const ann = scenario.connect('ann');
      ann.request(chat('a', 'one'));
      // The first that is refused is no abuse: how should it have been known?
      for (let n = 0; n < 5; n++)
        expect(ann.request(chat('a', 'more'))).toMatchObject({ code: 'rate_limited' });
      expect(ann.closed).toBeUndefined();
      ann.send(chat('a', 'too much'));
      scenario.until(() => ann.closed !== undefined);
      expect(ann.closed).toBe(4504);
    });
  });

  test('[LM2] other requests have a limit of their own, a pong has none, and signals are dropped in silence', () => {
    each((seed) => {
      const scenario = new Scenario(seed, {
        connection: { requestsPerMinute: 4, signalsPerSecond: 2 },
      });
      const [ann, bob] = [scenario.connect('ann'), scenario.connect('bob')];
      for (const client of [ann, bob]) client.request({ type: 'join', room: 'a' });
      for (let n = 0; n < 20; n++) ann.say({ type: 'heartbeat', status: 'pong' });
      const signals = Array.from({ length: 6 }, (_, n) => ann.send({ type: 'signal', room: 'a', data: n }));
      scenario.until(() => signals.every((id) => ann.reply(id)?.['type'] === 'ack'));
      scenario.run(500);
      expect(bob.notifications('signal').length).toBeGreaterThan(0);
      expect(bob.notifications('signal').length).toBeLessThanOrEqual(2);
      for (let n = 0; n < 3; n++)
        expect(ann.request({ type: 'history', room: 'a' })).toMatchObject({ messages: [] });
      expect(ann.request({ type: 'presence', room: 'a' })).toMatchObject({ code: 'rate_limited' });
      expect(ann.request(chat('a', 'a message is another matter'))).toMatchObject({ type: 'ack' });
    });
  });

  test('[LM6] one connection more than a user may have is refused, also of a crowd at once; a connection that closes makes room', () => {
    each((seed) => {
      const scenario = new Scenario(seed, { allowance: { connectionsMax: 3 } });
      const crowd = Array.from({ length: 8 }, () => scenario.dial('ann'));
      scenario.until(() => crowd.every((one) => one.isWelcomed || one.refused !== undefined));
      expect(crowd.filter((one) => one.isWelcomed)).toHaveLength(3);
      expect(scenario.connect('bob').isWelcomed).toBe(true);
      crowd.find((one) => one.isWelcomed)?.leave();
      scenario.run(200);
      scenario.connect('ann');
      const again = scenario.dial('ann');
      scenario.until(() => again.refused !== undefined);
    });
  });
});
