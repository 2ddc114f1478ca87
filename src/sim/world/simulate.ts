import type { ClientKind } from '../clients/client-kinds.ts';
import { chooseFaults, type Fault } from '../kit/faults.ts';
import { guarded } from '../kit/guard.ts';
import type { Violation } from '../kit/violation.ts';
import { World } from './world.ts';

export interface SimulationOptions {
  /** A whole number from 0. */
  readonly seed: number;
  /** Virtual milliseconds with faults. The time to come to rest is added. */
  readonly durationMs: number;
  /** The possible faults. Each run draws its own from them. */
  readonly faults: readonly Fault[];
  /** Default `sdk`. */
  readonly clients?: ClientKind | undefined;
  /** With more than one the nodes are a cluster. Default 1. */
  readonly nodes?: number | undefined;
  /** Receives the trace line by line. */
  readonly trace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Virtual milliseconds in all. */
  readonly virtualMs: number;
  /** Entries in the log at the end. A run without entries proves nothing. */
  readonly stored: number;
}

/** How long recovery may take after the faults: a quarantine (30 s) and some more. */
const REST_MS = 90_000;

/** The interval between two checks of that. */
const LOOK_MS = 1_000;

/** Actors that every node has one of. */
const NODE_SERVICES: ReadonlySet<string> = new Set([
  'log',
  'sessions',
  'directory',
  'drain',
  'lease',
  'overlap',
  'view',
]);

/** One run of one node, its log and its clients on virtual time (D17, D18). The same options give the same run. */
export function simulate(options: SimulationOptions): SimulationResult {
  return guarded(() => {
    const { seed, durationMs, trace, clients, nodes } = options;
    const world = new World(seed, chooseFaults(options.faults, seed), { write: trace, clients, nodes });
    try {
      new Run(world).all(durationMs);
    } catch (error) {
      // An exception outside a step is a bug of the engine or the simulator, and has a seed like any other.
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
      world.violate(11, `it threw: ${what.split('\n').slice(0, 4).join(' ')}`);
    }
    return { seed, violation: world.violation, virtualMs: world.timeline.now, stored: world.log.size };
  });
}

/** The phases of a run. Each ends early after a violation. */
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
    for (const node of this.#world.nodes.values()) {
      node.killAfter(Infinity);
      node.crashAfter(Infinity);
    }
    this.#comeToRest();
    this.#checkPresence();
    for (const client of clients) client.checkOrder();
    this.#emptyOut();
  }

  /** Runs for a while, with a check of the whole once a second. */
  #runFor(ms: number): void {
    const { timeline, log, network } = this.#world;
    const silentMs = (node: string): number => network.silentMs(node);
    const end = timeline.now + ms;
    while (timeline.now < end && !this.#world.violation) {
      const next = Math.min(end, timeline.now + LOOK_MS);
      while (timeline.step(next)) if (this.#world.violation) return;
      const nodes = [...this.#world.nodes.values()];
      for (const node of nodes) node.audit();
      log.cluster.audit(nodes, silentMs);
      const living = new Set(nodes.filter(({ isAlive }) => isAlive).map(({ owner }) => owner));
      if (!log.cluster.isTroubled) log.links.audit(living, log.slow.quietSince);
    }
  }

  /** Invariant 5: all clients reach the head of the log, and have all answers. */
  #comeToRest(): void {
    const { timeline, clients, violate, workload } = this.#world;
    const { moderator } = workload;
    const end = timeline.now + REST_MS;
    let unfinished: string[] = [];
    do {
      this.#runFor(LOOK_MS);
      if (this.#world.violation) return;
      // The same message again and again is stored once.
      this.#world.stirAll();
      moderator.forgive();
      for (const client of clients) client.mend();
      unfinished = [...moderator.unforgiven(), ...clients.flatMap((client) => client.unfinished())];
    } while (unfinished.length > 0 && timeline.now < end);
    if (unfinished.length > 0) violate(5, unfinished.slice(0, 3).join('; '));
  }

  /** Invariant 16 on one node: the lists name exactly the connected users, once the silent ones are gone (DG6). */
  #checkPresence(): void {
    const { clients, settings, violate } = this.#world;
    if (this.#world.violation) return;
    const { connection, graceMs } = settings.program;
    this.#runFor(connection.heartbeatTimeoutMs + graceMs + 5 * LOOK_MS);
    // A user's token may expire just then. The check repeats before it reports a violation.
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

  /** Invariant 19: when every client has left and the idle time has passed, no actor remains. */
  #emptyOut(): void {
    const { clients, settings, violate } = this.#world;
    if (this.#world.violation) return;
    for (const client of clients) client.stop();
    const { graceMs, writer, connection } = settings.program;
    // The user's home remembers used-up limits for a minute at most.
    this.#runFor(connection.heartbeatTimeoutMs + graceMs + writer.idleMs * 2 + 60_000 + 15_000);
    if (this.#world.violation) return;
    for (const { owner, system, sockets } of this.#world.nodes.values()) {
      const { cells, asks } = system.census();
      const left = [...cells.keys()].filter((kind) => !NODE_SERVICES.has(kind));
      if (left.length > 0) violate(19, `there are still actors of the kinds ${left.join(', ')} on ${owner}`);
      if (asks > 0) violate(19, `${asks} asks are still open on ${owner}`);
      if (sockets.size > 0) violate(19, `${sockets.size} sockets are still open on ${owner}`);
    }
  }
}
