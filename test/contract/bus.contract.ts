import { describe, expect, test } from 'vitest';
import type { Bus, RemoteMessage } from '../../src/runtime/ports/bus.ts';
import type { Incarnation } from '../../src/runtime/ports/placement.ts';

/** One node on a bus, and what it has heard: batches as `a.1: 1 2 3`. */
export interface BusNode {
  readonly bus: Bus;
  readonly heard: string[];
}

export interface BusWorld {
  /** A node that has just started. All know each other. */
  start(self: Incarnation): BusNode | Promise<BusNode>;
  /** The process of a node ends. */
  end(self: Incarnation): void;
  /** Lets everything that is under way arrive. */
  pass(): void | Promise<void>;
}

/** The envelope of these tests: an answer with a number. */
export function numbered(n: number): RemoteMessage {
  return { type: 'answer', ask: n, answer: { ok: false, taken: true, reason: 'late' }, generation: null };
}

/** Starts listening, and writes down what is heard. */
export function listening(bus: Bus): BusNode {
  const heard: string[] = [];
  bus.connect({
    received: (from, batch) =>
      heard.push(`${from}: ${batch.map((one) => (one.type === 'answer' ? one.ask : one.type)).join(' ')}`),
    hole: (peer) => heard.push(`hole ${peer}`),
    gaveUp: () => {},
    lost: (peer) => heard.push(`lost ${peer}`),
    heard: () => {},
  });
  return { bus, heard };
}

/** What every bus promises (ports/bus.ts). */
export function busContract(name: string, makeWorld: () => BusWorld): void {
  const pair = async (): Promise<{ world: BusWorld; a: BusNode; b: BusNode }> => {
    const world = makeWorld();
    const [a, b] = [await world.start('a.1'), await world.start('b.1')];
    await world.pass();
    return { world, a, b };
  };

  describe(`bus contract: ${name}`, () => {
    test('messages leave with the flush, as one batch, in order', async () => {
      const { world, a, b } = await pair();
      for (let n = 1; n <= 3; n++) expect(a.bus.send('b.1', numbered(n))).toBe(true);
      await world.pass();
      expect(b.heard).toEqual([]);
      a.bus.flush();
      // Never from within the call.
      expect(b.heard).toEqual([]);
      await world.pass();
      expect(b.heard).toEqual(['a.1: 1 2 3']);
    });

    test('many batches arrive in the order in which they left, each once', async () => {
      const { world, a, b } = await pair();
      for (let n = 1; n <= 100; n++) {
        a.bus.send('b.1', numbered(n));
        a.bus.flush();
      }
      await world.pass();
      const numbers = b.heard.flatMap((batch) => batch.slice('a.1: '.length).split(' '));
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, at) => String(at + 1)));
    });

    test('both ways at once, each node its own', async () => {
      const { world, a, b } = await pair();
      const c = await world.start('c.1');
      await world.pass();
      a.bus.send('b.1', numbered(1));
      a.bus.send('c.1', numbered(2));
      b.bus.send('a.1', numbered(3));
      for (const node of [a, b]) node.bus.flush();
      await world.pass();
      expect(a.heard.at(-1)).toBe('b.1: 3');
      expect(b.heard.at(-1)).toBe('a.1: 1');
      expect(c.heard.at(-1)).toBe('a.1: 2');
    });

    test('there is no way from a node to itself', async () => {
      const { a } = await pair();
      expect(a.bus.send('a.1', numbered(1))).toBe(false);
    });

    test('a batch under way to a node that ends is lost, and no other node hears of it', async () => {
      const { world, a, b } = await pair();
      a.bus.send('b.1', numbered(1));
      a.bus.flush();
      world.end('b.1');
      await world.pass();
      expect(b.heard).toEqual([]);
      a.bus.send('b.1', numbered(2));
      a.bus.flush();
      await world.pass();
      expect([a.heard, b.heard]).toEqual([[], []]);
    });

    test('its next incarnation is another peer', async () => {
      const { world, a } = await pair();
      world.end('b.1');
      const again = await world.start('b.2');
      expect(a.bus.send('b.2', numbered(1))).toBe(true);
      a.bus.flush();
      await world.pass();
      expect(again.heard).toEqual(['a.1: 1']);
    });
  });
}
