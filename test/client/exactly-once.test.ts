import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Random } from '../../src/sim/kit/random.ts';
import { ClientWorld } from '../support/client-world.ts';
import { LogServer, type Weather } from '../support/log-server.ts';

// Whatever a server and a network do, an application sees 1 to n, once each and in order, and what it sends is stored once.

type Step =
  | { readonly do: 'others'; readonly count: number }
  | { readonly do: 'send'; readonly count: number }
  | { readonly do: 'cut'; readonly code: number }
  | { readonly do: 'wait'; readonly ms: number }
  | ({ readonly do: 'weather' } & Partial<Weather>);

const steps = fc.array(
  fc.oneof(
    fc.record<Step>({ do: fc.constant('others'), count: fc.integer({ min: 1, max: 30 }) }),
    fc.record<Step>({ do: fc.constant('send'), count: fc.integer({ min: 1, max: 8 }) }),
    fc.record<Step>({ do: fc.constant('cut'), code: fc.constantFrom(1006, 1011, 4001, 4002) }),
    fc.record<Step>({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 15_000 }) }),
    fc.record<Step>({
      do: fc.constant('weather'),
      lost: fc.integer({ min: 0, max: 6 }),
      twice: fc.integer({ min: 0, max: 6 }),
      refused: fc.integer({ min: 0, max: 4 }),
      unanswered: fc.integer({ min: 0, max: 5 }),
      replay: fc.integer({ min: 0, max: 20 }),
      page: fc.integer({ min: 1, max: 12 }),
    }),
  ),
  { minLength: 1, maxLength: 40 },
) as fc.Arbitrary<Step[]>;

class Run {
  readonly world: ClientWorld;
  readonly server: LogServer;
  readonly sent: string[] = [];
  readonly acked = new Map<string, number>();
  readonly failed: string[] = [];
  #others = 0;

  constructor(seed: number) {
    const random = new Random(seed, 'luck');
    this.server = new LogServer(() => random.next() * 10);
    this.world = new ClientWorld({ answer: this.server.answer, sendTimeoutMs: 0 });
    this.world.core.join('lobby', { since: 0 }, () => {});
    this.#admit();
  }

  /** Whoever knocks is let in. */
  #admit(): void {
    const { world, server } = this;
    let known = 0;
    const look = (): void => {
      for (; known < world.ends.length; known++) {
        const end = world.ends[known]!;
        if (end.closedWith === undefined) end.welcome();
      }
      for (const end of world.ends) if (end.closedWith !== undefined) server.gone(end);
      world.timeline.after(10, look);
    };
    world.timeline.after(0, look);
  }

  take(step: Step): void {
    const { world, server } = this;
    if (step.do === 'others')
      for (let at = 0; at < step.count; at++) server.append(`o-${++this.#others}`, 'other');
    if (step.do === 'send') for (let at = 0; at < step.count; at++) this.#send();
    if (step.do === 'cut' && world.end.closedWith === undefined) {
      world.end.closedWith = step.code;
      server.gone(world.end);
      world.end.opened();
      world.end.close(step.code);
    }
    if (step.do === 'weather') {
      const { do: _, ...weather } = step;
      Object.assign(server.weather, weather);
    }
    world.pass(step.do === 'wait' ? step.ms : 5);
  }

  #send(): void {
    const id = `mine-${this.sent.length}`;
    this.sent.push(id);
    this.world.core.send('lobby', id, { id }, (result) => {
      if (!result.ok) this.failed.push(result.error.code);
      else if (this.acked.has(id)) this.failed.push(`${id} is answered twice`);
      else this.acked.set(id, result.value.seq);
    });
  }

  /** The weather clears; a last message shows what was lost before it. */
  settle(): void {
    const { server, world } = this;
    Object.assign(server.weather, { lost: 0, twice: 0, refused: 0, unanswered: 0, replay: 1_000, page: 200 });
    this.take({ do: 'cut', code: 1006 });
    world.pass(60_000);
    server.append('last', 'last');
    world.pass(60_000);
  }
}

const range = (to: number): number[] => Array.from({ length: to }, (_, at) => at + 1);

test('[DG2] [DG3] 1 to n, once each and in order, whatever is lost, cut, doubled or refused', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), steps, (seed, taken) => {
      const run = new Run(seed);
      for (const step of taken) {
        run.take(step);
        const seen = run.world.seen();
        expect(seen).toEqual(range(seen.length));
      }
      run.settle();
      expect(run.world.seen()).toEqual(range(run.server.head));
      expect(run.world.events('missed')).toEqual([]);
      expect(run.world.events('error')).toEqual([]);
    }),
    { numRuns: 400 },
  );
}, 120_000);

test('[DG4] a message is stored once, and acked with its seq', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), steps, (seed, taken) => {
      const run = new Run(seed);
      for (const step of taken) run.take(step);
      run.settle();
      expect(run.failed).toEqual([]);
      const ids = run.server.log.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of run.sent) expect(run.acked.get(id), id).toBe(ids.indexOf(id) + 1);
    }),
    { numRuns: 400 },
  );
}, 120_000);

test('[DG7] without refusals the order stored is the order sent, over all connections', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), steps, (seed, taken) => {
      const run = new Run(seed);
      for (const step of taken) run.take(step.do === 'weather' ? { ...step, refused: 0 } : step);
      run.settle();
      const mine = run.server.log.map(({ id }) => id).filter((id) => id.startsWith('mine'));
      expect(mine).toEqual(run.sent);
    }),
    { numRuns: 200 },
  );
}, 120_000);
