import type { StoreCallName } from '../../runtime/ports/log-store.ts';
import { isBetweenNodes, isWeather, type DatabaseFault, type Fault } from '../kit/faults.ts';
import { Random } from '../kit/random.ts';
import type { Weather } from '../ports/sim-network.ts';
import type { SimNode } from './node.ts';
import type { Stage } from './stage.ts';

/** The interval between two faults of a kind. With half of them active there is one per second. */
const EVERY_MS = [500, 20_000] as const;

/** The interval of failovers, which is longer, so that the world has time to work between two. */
const FAILOVER_EVERY_MS = [5_000, 40_000] as const;

/** How far a standby lags when it takes over, and how long no server answers meanwhile. */
const BEHIND_MS = [0, 2_000] as const;
const AWAY_MS = [0, 3_000] as const;

/** How long a bad state of the database lasts. */
const WEATHER_MS = [300, 6_000] as const;

/** How long messages between nodes fare badly, and how long they do not pass at all. */
const ROUGH_MS = [500, 10_000] as const;
const NET_MS = [300, 15_000] as const;

function roughly(random: Random): Weather {
  return {
    lost: random.pick([0, 0.05, 0.3]),
    repeated: random.pick([0, 0.2]),
    late: random.pick([0, 0.1, 0.5]),
  };
}
/** From the order to crash until the actor has crashed and goes on. */
const CRASH_MS = 10_000;

/** Runs the faults of one simulation, until `stop`. */
export class Injector {
  readonly #stage: Stage;
  readonly #faults: readonly Fault[];
  readonly #seed: number;
  readonly #calls: Random;
  #isOver = false;
  #weather: { readonly fault: DatabaseFault; readonly share: number; readonly until: number } | undefined;
  /** The offset of the wall clock. */
  wallJumpMs = 0;

  constructor(stage: Stage, seed: number, faults: readonly Fault[]) {
    this.#stage = stage;
    this.#faults = faults;
    this.#seed = seed;
    this.#calls = new Random(seed, 'database faults');
  }

  start(): void {
    const faults = this.#faults.filter((fault) => this.#stage.isCluster || !isBetweenNodes(fault));
    for (const fault of faults) this.#next(fault, new Random(this.#seed, 'fault', fault));
  }

  /** Each fault has a schedule and a stream of its own, so that removing one does not move the others (D18). */
  #next(fault: Fault, random: Random): void {
    const [from, to] = fault === 'db-failover' ? FAILOVER_EVERY_MS : EVERY_MS;
    this.#stage.timeline.after(random.delay(from, to), () => {
      if (this.#isOver) return;
      this.#inject(fault, random);
      this.#next(fault, random);
    });
  }

  /** Injects nothing from here on. Earlier faults take their course. */
  stop(): void {
    this.#isOver = true;
    this.#weather = undefined;
  }

  /** The fault that hits a call of the store. */
  faultOf(_call: StoreCallName): DatabaseFault | undefined {
    const weather = this.#weather;
    if (!weather || this.#stage.timeline.now > weather.until) return undefined;
    return this.#calls.chance(weather.share) ? weather.fault : undefined;
  }

  #inject(fault: Fault, random: Random): void {
    this.#stage.trace.say('fault', () => `! ${fault}`);
    if (isWeather(fault)) return this.#change(fault, random);
    this.#strike(fault, random);
  }

  #change(fault: DatabaseFault, random: Random): void {
    const ms = random.delay(...WEATHER_MS);
    this.#stage.log.slow.storeFails(ms);
    this.#stage.log.cluster.troubled(ms);
    const until = this.#stage.timeline.now + ms;
    const share = ['db-down', 'db-full', 'db-pool'].includes(fault) ? 1 : random.pick([0.2, 0.6, 1]);
    this.#weather = { fault, share, until };
  }

  /** Some standbys have everything. Others have the current state, and take over later. */
  #failOver(random: Random): void {
    const { timeline, database } = this.#stage;
    const standby = database.copy();
    const behindMs = random.chance(0.25) ? 0 : random.delay(...BEHIND_MS);
    const [isTold, awayMs] = [random.chance(0.7), random.delay(...AWAY_MS)];
    timeline.after(behindMs, () => {
      if (this.#isOver) return;
      database.failOver(standby, isTold);
      this.#stage.log.cluster.troubled(awayMs);
      this.#weather = { fault: 'db-down', share: 1, until: timeline.now + awayMs };
    });
  }

  #freeze(ms: number): void {
    const { node, log } = this.#stage;
    log.slow.standsStill(ms);
    log.cluster.troubled(ms);
    node?.freeze(ms);
  }

  #disturb(fault: `net-${string}` & Fault, node: SimNode | undefined, random: Random): void {
    const { network, log } = this.#stage;
    const weather = fault === 'net-rough' ? roughly(random) : undefined;
    const [from, to] = weather ? ROUGH_MS : NET_MS;
    const ms = random.delay(from, to);
    log.slow.netFails(ms);
    if (weather) return network.rough(weather, ms);
    if (fault === 'net-away') return network.away(ms);
    if (node && fault === 'net-cut') network.away(ms, node.owner);
    if (node && fault === 'net-deaf') network.deafen(ms, node.owner);
  }

  #strike(fault: Fault, random: Random): void {
    const { node, clients } = this.#stage;
    const client = random.pick(clients);
    switch (fault) {
      case 'kill':
        return node?.killAfter(random.whole(1, 60));
      case 'drain':
        return node?.drain();
      case 'pause':
        return this.#freeze(random.delay(2_000, 15_000));
      case 'stall':
        return this.#freeze(random.delay(50, 2_000));
      case 'crash':
        // Until the actor that crashed goes on.
        this.#stage.log.cluster.troubled(CRASH_MS);
        return node?.crashAfter(random.whole(1, 200), random.chance(0.5));
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
        for (let n = random.whole(1, 30); n > 0; n--) client.raw(random.pick(BAD_FRAMES));
        return;
      case 'flood':
        for (let n = random.whole(50, 400); n > 0; n--) client.ask({ type: 'heartbeat', status: 'ping' });
        return;
      case 'db-rival':
        return this.#stage.rival(random);
      case 'db-failover':
        return this.#failOver(random);
      case 'net-rough':
      case 'net-away':
      case 'net-cut':
      case 'net-deaf':
        return this.#disturb(fault, node, random);
      default:
        throw new Error(`nothing is done for ${fault}`);
    }
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
