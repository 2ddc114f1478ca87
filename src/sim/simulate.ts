import type { ClientKind } from './client-kinds.ts';
import { chooseFaults, type Fault } from './faults.ts';
import { guarded } from './guard.ts';
import type { Violation } from './violation.ts';
import { World } from './world.ts';

export interface SimulationOptions {
  /** A whole number from 0. */
  readonly seed: number;
  /** Virtual milliseconds with faults; the time to come to rest afterwards is beside it. */
  readonly durationMs: number;
  /** Those that may happen; each run draws its own from them. */
  readonly faults: readonly Fault[];
  /** `sdk` unless given. */
  readonly clients?: ClientKind | undefined;
  /** Gets the trace, a line at a time. */
  readonly trace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Virtual milliseconds in all. */
  readonly virtualMs: number;
  /** Entries in the log at the end: a run that stores nothing proves nothing. */
  readonly stored: number;
}

/** After faults have ended everything must be well again by then: a quarantine (30 s), and some. */
const REST_MS = 90_000;

/** Between two looks at whether it is. */
const LOOK_MS = 1_000;

/** Actors that a node has one of, whatever is there. */
const NODE_SERVICES: ReadonlySet<string> = new Set([
  'log',
  'sessions',
  'directory',
  'drain',
  'lease',
  'overlap',
]);

/** One run of one node, its log and its clients on virtual time (D17, D18). Always the same for the same options. */
export function simulate(options: SimulationOptions): SimulationResult {
  return guarded(() => {
    const { seed, durationMs, trace, clients } = options;
    const world = new World(seed, chooseFaults(options.faults, seed), { write: trace, clients });
    try {
      new Run(world).all(durationMs);
    } catch (error) {
      // What throws outside a step is a mistake in the engine or in the simulator: it has a seed like any other.
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.violate(11, `it threw: ${what.split('\n').slice(0, 4).join(' ')}`);
    }
    return { seed, violation: world.violation, virtualMs: world.timeline.now, stored: world.log.size };
  });
}

/** The phases of a run; each ends early when something is wrong. */
class Run {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  all(durationMs: number): void {
    const { injector, workload, clients } = this.#world;
    this.#world.start();
    this.#runFor(durationMs);
    injector.stop();
    workload.stop();
    this.#world.node?.killAfter(Infinity);
    this.#world.node?.crashAfter(Infinity);
    this.#comeToRest();
    this.#checkPresence();
    for (const client of clients) client.checkOrder();
    this.#emptyOut();
  }

  /** Runs for a while, looking over the whole of it once a second. */
  #runFor(ms: number): void {
    const { timeline } = this.#world;
    const end = timeline.now + ms;
    while (timeline.now < end && !this.#world.violation) {
      const next = Math.min(end, timeline.now + LOOK_MS);
      while (timeline.step(next)) if (this.#world.violation) return;
      this.#world.node?.audit();
    }
  }

  /** Invariant 5: all clients are where the log is, and have an answer to everything. */
  #comeToRest(): void {
    const { timeline, clients, violate, workload } = this.#world;
    const { moderator } = workload;
    const end = timeline.now + REST_MS;
    let unfinished: string[] = [];
    do {
      this.#runFor(LOOK_MS);
      if (this.#world.violation) return;
      // The same again and again: it is stored once.
      this.#world.stirAll();
      moderator.forgive();
      for (const client of clients) client.mend();
      unfinished = [...moderator.unforgiven(), ...clients.flatMap((client) => client.unfinished())];
    } while (unfinished.length > 0 && timeline.now < end);
    if (unfinished.length > 0) violate(5, unfinished.slice(0, 3).join('; '));
  }

  /** Invariant 16 on one node: who is present is who is there, once the silent have been given up (DG6). */
  #checkPresence(): void {
    const { clients, settings, violate } = this.#world;
    if (this.#world.violation) return;
    const { connection, graceMs } = settings.program;
    this.#runFor(connection.heartbeatTimeoutMs + graceMs + 5 * LOOK_MS);
    // Somebody's token may be over just then: it is looked at again before it is called wrong.
    let wrong: string[] = [];
    for (let look = 0; look < 5 && !this.#world.violation; look++) {
      wrong = [...new Set(clients.flatMap((client) => client.rooms))].flatMap((room) =>
        this.#wronglyPresent(room),
      );
      if (wrong.length === 0) return;
    }
    violate(16, wrong.join('; '));
  }

  #wronglyPresent(room: string): string[] {
    const { clients } = this.#world;
    const asking = clients.find((client) => client.rooms.includes(room));
    asking?.ask({ type: 'presence', room });
    this.#runFor(LOOK_MS);
    const here = clients.filter((client) => client.rooms.includes(room));
    const reply = asking?.presenceOf(room);
    const members = (reply?.['members'] ?? []) as { readonly user: string; readonly devices: number }[];
    const shown = members.map(({ user, devices }) => `${user}:${devices}`).toSorted();
    const users = new Map<string, number>();
    for (const { user } of here) users.set(user, (users.get(user) ?? 0) + 1);
    const expected = [...users].map(([user, devices]) => `${user}:${devices}`).toSorted();
    const present = [...users.keys()].toSorted();
    if (shown.join() === expected.join()) return here.flatMap((client) => client.wrongMembers(room, present));
    return [`present in ${room} are ${expected.join(' ')}; shown are ${shown.join(' ')}`];
  }

  /** Invariant 19: when everyone has left and idle time has passed, nothing is left. */
  #emptyOut(): void {
    const { clients, settings, violate } = this.#world;
    if (this.#world.violation) return;
    for (const client of clients) client.stop();
    const { graceMs, ledger, connection } = settings.program;
    // What a user has spent is remembered for a minute at most.
    this.#runFor(connection.heartbeatTimeoutMs + graceMs + ledger.idleMs * 2 + 60_000 + 15_000);
    const { node } = this.#world;
    if (!node || this.#world.violation) return;
    const { cells, asks } = node.system.census();
    const left = [...cells.keys()].filter((kind) => !NODE_SERVICES.has(kind));
    if (left.length > 0) violate(19, `there are still actors of the kinds ${left.join(', ')}`);
    if (asks > 0) violate(19, `${asks} asks are still open`);
    if (node.sockets.size > 0) violate(19, `${node.sockets.size} sockets are still open`);
  }
}
