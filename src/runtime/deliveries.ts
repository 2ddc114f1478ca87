import { incarnationOf, kindOf } from './addresses.ts';
import type { Asks, Settle } from './asks.ts';
import type { AnyBehaviour, Cell } from './cell.ts';
import { Cells } from './cells.ts';
import { DeadLetters } from './dead-letters.ts';
import { DeliveryCounters } from './delivery-counters.ts';
import type { Results } from './perform.ts';
import { DEFAULT_LANE, envelopeOf, requestOf, type Envelope } from './mailbox.ts';
import type { Clock } from './ports/clock.ts';
import type { DeadLetterReason, Effect, Lane, ReplyTo } from './ports/actor.ts';
import type { Bus } from './ports/bus.ts';
import type { Incarnation, Placement } from './ports/placement.ts';
import { Remote } from './remote.ts';
import type { Scheduler } from './scheduler.ts';
import type { TimerWheel } from './timers.ts';

export interface AskRequest {
  readonly from: string;
  readonly to: string;
  readonly message: unknown;
  readonly lane: Lane | undefined;
  /** `now`: when the asking began, on the monotonic clock. */
  readonly due: { readonly now: number; readonly deadlineMs: number };
  readonly settle: Settle;
}

type PlaceChange = Omit<Effect & { readonly type: 'place' }, 'type'>;

/** Starts the actor that a message is for. */
export type Activate = (behaviour: AnyBehaviour, address: string) => Cell;

/**
 * Finds the actor of an address, here or on another node, and delivers messages to it. No other module does.
 *
 * - An undeliverable message becomes a dead letter with a reason. The asker of an undeliverable ask learns of it at once.
 * - A delivery never runs an actor. It only puts the actor into the run queue.
 */
export class Deliveries {
  readonly cells = new Cells();
  readonly deadLetters = new DeadLetters();
  readonly counters = new DeliveryCounters();
  readonly #behaviours: ReadonlyMap<string, AnyBehaviour>;
  readonly #clock: Clock;
  readonly #asks: Asks;
  readonly #scheduler: Scheduler;
  readonly #placement: Placement;
  readonly #activate: Activate;
  readonly #bus: Bus;
  /** Messages to and from other nodes. */
  readonly remote: Remote;
  /** Other nodes that live, as the leases said last. */
  #peers: readonly Incarnation[] = [];

  constructor(parts: {
    readonly behaviours: ReadonlyMap<string, AnyBehaviour>;
    readonly clock: Clock;
    readonly wheel: TimerWheel;
    readonly asks: Asks;
    readonly scheduler: Scheduler;
    readonly placement: Placement;
    readonly bus: Bus;
    readonly activate: Activate;
  }) {
    this.#behaviours = parts.behaviours;
    this.#clock = parts.clock;
    this.#asks = parts.asks;
    this.#scheduler = parts.scheduler;
    this.#placement = parts.placement;
    this.#activate = parts.activate;
    this.#bus = parts.bus;
    const { clock, wheel, asks, placement, bus } = parts;
    this.remote = new Remote({ clock, wheel, asks, placement, bus, deliveries: this });
  }

  deliver(to: string, envelope: Envelope, lane: Lane = DEFAULT_LANE, key?: string): void {
    const known = this.cells.get(to);
    const behaviour = known?.behaviour ?? this.#behaviours.get(kindOf(to));
    switch (behaviour?.placement) {
      case 'cluster': {
        const owner = this.#placement.ownerOf(to);
        if (owner === undefined) return this.refuse(envelope, to, 'unplaced');
        if (owner !== this.#placement.self && !behaviour.staysOnNode?.(envelope.message))
          return this.remote.send(owner, { to, envelope, lane, key }, false);
        // An actor that has moved finishes here what it has begun here.
        if (owner !== this.#placement.self && !known) return this.refuse(envelope, to, 'moved');
        return this.push(known ?? this.#activate(behaviour, to), envelope, lane, key);
      }
      case 'node':
        return this.push(known ?? this.#activate(behaviour, to), envelope, lane, key);
      case 'socket': {
        if (known) return this.push(known, envelope, lane, key);
        const owner = incarnationOf(to);
        if (owner === this.#placement.self) return this.refuse(envelope, to, 'no_actor');
        return this.remote.send(owner, { to, envelope, lane, key }, true);
      }
      default:
        this.refuse(envelope, to, 'no_actor');
    }
  }

  /** To the actor at an address on each of these nodes, if it is alive there. */
  publish(to: string, nodes: readonly Incarnation[] | 'all' | 'others', message: unknown): void {
    const { self } = this.#placement;
    const named = nodes === 'others' ? this.#peers : nodes === 'all' ? [self, ...this.#peers] : nodes;
    for (const node of named) {
      if (node === self) this.tellIfAlive(to, message);
      else this.remote.publish(node, to, message);
    }
  }

  /** Without an actor at the address the message is dropped. That is no dead letter. */
  tellIfAlive(to: string, message: unknown): void {
    const cell = this.cells.get(to);
    if (cell) this.push(cell, envelopeOf('', message));
  }

  /** Actors of the cluster live where the view says, and without one where they did. */
  place({ view, peers, gone }: PlaceChange): void {
    if (view) this.#placement.adopt(view);
    this.#peers = peers;
    this.#bus.know(peers);
    this.remote.placed(gone);
    if (view) this.#follow();
  }

  /**
   * Messages that wait here for an actor which lives elsewhere now go there at once: whatever this node sends next goes there
   * too, and must not overtake them.
   */
  #follow(): void {
    const { self } = this.#placement;
    for (const cell of [...this.cells]) {
      if (cell.behaviour.placement !== 'cluster' || cell.mailbox.size === 0) continue;
      if (this.#placement.ownerOf(cell.address) === self) continue;
      for (const { envelope, lane, key } of cell.mailbox.takeFree()) {
        this.counters.moved++;
        this.deliver(cell.address, envelope, lane, key);
      }
    }
  }

  /** An actor of this node, which it starts if needed. Undefined when its kind is unknown or bound to a socket. */
  activate(address: string): Cell | undefined {
    const known = this.cells.get(address);
    if (known) return known;
    const behaviour = this.#behaviours.get(kindOf(address));
    return behaviour && behaviour.placement !== 'socket' ? this.#activate(behaviour, address) : undefined;
  }

  push(cell: Cell, envelope: Envelope, lane: Lane = DEFAULT_LANE, key?: string): void {
    this.counters.offered++;
    if (cell.status === 'quarantined') return this.bury(envelope, cell.address, 'quarantined');
    const pushed = cell.mailbox.push(envelope, lane, key);
    if (pushed === 'full') return this.bury(envelope, cell.address, 'overflow');
    if (pushed === 'coalesced') this.counters.coalesced++;
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
  }

  ask({ from, to, message, lane, due, settle }: AskRequest): void {
    this.deliver(to, requestOf(from, message, this.#asks.open(to, due, settle)), lane);
  }

  reply(cell: Cell, to: ReplyTo, body: unknown): void {
    cell.openReplies = Math.max(0, cell.openReplies - 1);
    if (!this.#asks.reply(to.ask, body)) this.note('late', to.from, cell.address, 'reply');
  }

  /** A message that never reached a mailbox. */
  refuse(envelope: Envelope, to: string, reason: DeadLetterReason): void {
    this.counters.offered++;
    this.bury(envelope, to, reason);
  }

  /** A message that no actor handles. */
  bury(envelope: Envelope, to: string, reason: DeadLetterReason): void {
    this.counters.buried++;
    this.note(reason, to, envelope.from, String((envelope.message as { type?: unknown } | null)?.type));
    if (envelope.ask > 0) this.#asks.fail(envelope.ask, reason);
  }

  /** For an earlier generation, or of a timer that is disarmed. A request is of another node, which sends it again. */
  outdated(envelope: Envelope, to: string): void {
    if (envelope.ask > 0) this.bury(envelope, to, 'moved');
    else this.counters.stale++;
  }

  note(reason: DeadLetterReason, to: string, from: string, type: string): void {
    this.deadLetters.add({ reason, to, from, type, at: this.#clock.wall() });
  }

  /** A result for the generation of an actor that asked for it. The next one must not take it for its own. */
  pushResult(cell: Cell, generation: number, message: unknown): void {
    if (cell.generation !== generation || cell.status === 'stopped') return;
    this.push(cell, envelopeOf(cell.address, message, generation));
  }

  /** Ahead of all waiting messages: nothing may be handled in between. It is a fact that holds for the next generation, too. */
  pushFirst(cell: Cell, message: unknown): void {
    if (cell.status === 'stopped') return;
    this.counters.offered++;
    cell.mailbox.unshift(envelopeOf(cell.address, message));
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
  }

  /** A message to every actor of a kind, for the rare events that concern all of them. */
  tellLocalKind(kind: string, message: unknown): void {
    for (const cell of [...this.cells])
      if (cell.behaviour.kind === kind) this.push(cell, envelopeOf('', message));
  }
}

/** Delivers the results of effects to the generation of the actor that caused them. */
export class ResultsOf implements Results {
  readonly #cell: Cell;
  readonly #generation: number;
  readonly #deliveries: Deliveries;

  constructor(cell: Cell, deliveries: Deliveries) {
    this.#cell = cell;
    this.#generation = cell.generation;
    this.#deliveries = deliveries;
  }

  first(message: unknown): void {
    this.#deliveries.pushFirst(this.#cell, message);
  }

  later(message: unknown): void {
    this.#deliveries.pushResult(this.#cell, this.#generation, message);
  }
}
