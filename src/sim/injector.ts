import type { StoreCallName } from '../runtime/ports/log-store.ts';
import { isDatabaseFault, type DatabaseFault, type Fault } from './faults.ts';
import { Random } from './random.ts';
import type { Stage } from './stage.ts';

/** Between two faults. */
const EVERY_MS = [200, 3_000] as const;

/** How long the database is in a bad way once it is. */
const WEATHER_MS = [300, 6_000] as const;

/** Runs the faults of one simulation, until it is told to stop. */
export class Injector {
  readonly #stage: Stage;
  readonly #faults: readonly Fault[];
  readonly #random: Random;
  readonly #calls: Random;
  #isOver = false;
  #weather: { readonly fault: DatabaseFault; readonly share: number; readonly until: number } | undefined;
  /** How far the wall clock is off. */
  wallJumpMs = 0;

  constructor(stage: Stage, seed: number, faults: readonly Fault[]) {
    this.#stage = stage;
    this.#faults = faults;
    this.#random = new Random(seed, 'faults');
    this.#calls = new Random(seed, 'database faults');
  }

  start(): void {
    if (this.#faults.length === 0) return;
    this.#stage.timeline.after(this.#random.delay(...EVERY_MS), () => {
      if (this.#isOver) return;
      this.#inject(this.#random.pick(this.#faults));
      this.start();
    });
  }

  /** From here on nothing goes wrong any more; what has gone wrong already takes its course. */
  stop(): void {
    this.#isOver = true;
    this.#weather = undefined;
  }

  /** What goes wrong with a call of the store. */
  faultOf(call: StoreCallName): DatabaseFault | undefined {
    const weather = this.#weather;
    if (!weather || this.#stage.timeline.now > weather.until) return undefined;
    // A probe that is lost would keep the breaker open for no reason of interest.
    if (call === 'ping' && weather.fault !== 'db-down') return undefined;
    return this.#calls.chance(weather.share) ? weather.fault : undefined;
  }

  #inject(fault: Fault): void {
    this.#stage.trace.say('fault', () => `! ${fault}`);
    if (isDatabaseFault(fault) && fault !== 'db-rival') return this.#change(fault);
    this.#strike(fault);
  }

  #change(fault: DatabaseFault): void {
    const until = this.#stage.timeline.now + this.#random.delay(...WEATHER_MS);
    const share = fault === 'db-down' || fault === 'db-pool' ? 1 : this.#random.pick([0.2, 0.6, 1]);
    this.#weather = { fault, share, until };
  }

  #strike(fault: Fault): void {
    const { node, clients } = this.#stage;
    const random = this.#random;
    const client = random.pick(clients);
    switch (fault) {
      case 'kill':
        return node?.killAfter(random.whole(1, 60));
      case 'pause':
        return node?.freeze(random.delay(2_000, 15_000));
      case 'stall':
        return node?.freeze(random.delay(50, 2_000));
      case 'crash':
        return node?.crashAfter(random.whole(1, 200));
      case 'wall-jump':
        this.wallJumpMs += random.whole(-60_000, 60_000);
        return;
      case 'reset':
        return client.withLink((link) => link.reset());
      case 'half-open': {
        const told = random.pick(['client', 'node', 'nobody'] as const);
        return client.withLink((link) => link.halfOpen(told));
      }
      case 'hold': {
        const ms = random.delay(100, 5_000);
        return client.withLink((link) => link.hold(ms));
      }
      case 'slow-reader':
        return client.stopReading(random.delay(200, 9_000));
      case 'storm':
        for (const one of clients) one.withLink((link) => link.reset());
        return;
      case 'bad-frames':
        return this.#badFrames(random.whole(1, 30));
      case 'flood':
        return this.#flood(random.whole(50, 400));
      case 'db-rival':
        return this.#stage.rival(random);
      default:
        throw new Error(`nothing is done for ${fault}`);
    }
  }

  #badFrames(count: number): void {
    const client = this.#random.pick(this.#stage.clients);
    for (let n = 0; n < count; n++) client.raw(this.#random.pick(BAD_FRAMES));
  }

  #flood(count: number): void {
    const client = this.#random.pick(this.#stage.clients);
    for (let n = 0; n < count; n++) client.ask({ type: 'heartbeat', status: 'ping' });
  }
}

const BAD_FRAMES = [
  '',
  'null',
  '[]',
  '{',
  '{"type":"nothing"}',
  '{"type":"chat","room":"a b","content":"x"}',
  '{"type":"chat","room":"a","content":""}',
  '{"type":"chat","room":"a","content":"\\u0000"}',
  '{"type":"join","room":"a","since":-1}',
  '{"type":"resume","channels":{"user:somebody":1}}',
  '{"type":"history","room":"a","after":1,"before":2}',
  `{"type":"signal","room":"a","data":${'['.repeat(40)}${']'.repeat(40)}}`,
  '{"__proto__":{"type":"chat"},"constructor":1}',
];
