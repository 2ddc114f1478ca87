import { incarnationOf, kindOf } from './addresses.ts';
import type { Asks } from './asks.ts';
import type { AnyBehaviour, Cell } from './cell.ts';
import { Cells } from './cells.ts';
import { DeadLetters } from './dead-letters.ts';
import { Letters } from './letters.ts';
import { envelope, type Envelope } from './mailbox.ts';
import type { Clock } from './ports/clock.ts';
import type { Answer, DeadLetterReason, Lane, ReplyTo } from './ports/actor.ts';
import type { Bus } from './ports/bus.ts';
import type { Incarnation, Placement } from './ports/placement.ts';
import { Remote } from './remote.ts';
import type { Scheduler } from './scheduler.ts';
import type { TimerWheel } from './timers.ts';

export interface AskRequest {
  readonly from: string;
  readonly to: string;
  readonly message: unknown;
  readonly lane: Lane;
  readonly deadlineMs: number;
  readonly settle: (answer: Answer<unknown>) => void;
}

/** Starts an actor that a message came for. */
export type Activate = (behaviour: AnyBehaviour, address: string) => Cell;

/**
 * Who lives where, and how messages get there: the one place where an address becomes an actor, here or on another node.
 *
 * - What cannot be delivered is a dead letter with a reason; if it is an ask, its asker hears of it at once.
 * - Delivering never runs an actor: it only puts it into the run queue.
 */
export class Deliveries {
  readonly cells = new Cells();
  readonly deadLetters = new DeadLetters();
  readonly letters = new Letters();
  readonly #behaviours: ReadonlyMap<string, AnyBehaviour>;
  readonly #clock: Clock;
  readonly #asks: Asks;
  readonly #scheduler: Scheduler;
  readonly #placement: Placement;
  readonly #activate: Activate;
  /** The way to other nodes. */
  readonly remote: Remote;

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
    const { clock, wheel, asks, placement, bus } = parts;
    this.remote = new Remote({ clock, wheel, asks, placement, bus, deliveries: this });
  }

  deliver(to: string, letter: Envelope, lane: Lane, key?: string): void {
    const known = this.cells.get(to);
    const behaviour = known?.behaviour ?? this.#behaviours.get(kindOf(to));
    switch (behaviour?.placement) {
      case 'cluster': {
        const owner = this.#placement.ownerOf(to);
        if (owner === undefined) return this.refuse(letter, to, 'unplaced');
        if (owner !== this.#placement.self)
          return this.remote.send(owner, { to, envelope: letter, lane, key }, false);
        return this.push(known ?? this.#activate(behaviour, to), letter, lane, key);
      }
      case 'node':
        return this.push(known ?? this.#activate(behaviour, to), letter, lane, key);
      case 'socket': {
        if (known) return this.push(known, letter, lane, key);
        const owner = incarnationOf(to);
        if (owner === this.#placement.self) return this.refuse(letter, to, 'no_actor');
        return this.remote.send(owner, { to, envelope: letter, lane, key }, true);
      }
      default:
        this.refuse(letter, to, 'no_actor');
    }
  }

  /** To the actor at an address on each of these nodes, if it lives there. */
  publish(to: string, nodes: readonly Incarnation[], message: unknown): void {
    for (const node of nodes) {
      if (node === this.#placement.self) this.tellIfAlive(to, message);
      else this.remote.publish(node, to, message);
    }
  }

  /** Nobody there is no dead letter. */
  tellIfAlive(to: string, message: unknown): void {
    const cell = this.cells.get(to);
    if (cell) this.push(cell, envelope('', message), 'system');
  }

  /** An actor of this node, started if it was not; undefined when there is no such kind, or it is bound to a socket. */
  activate(address: string): Cell | undefined {
    const known = this.cells.get(address);
    if (known) return known;
    const behaviour = this.#behaviours.get(kindOf(address));
    return behaviour && behaviour.placement !== 'socket' ? this.#activate(behaviour, address) : undefined;
  }

  push(cell: Cell, letter: Envelope, lane: Lane, key?: string): void {
    this.letters.offered++;
    if (cell.status === 'quarantined') return this.bury(letter, cell.address, 'quarantined');
    const pushed = cell.mailbox.push(letter, lane, key);
    if (pushed === 'full') return this.bury(letter, cell.address, 'overflow');
    if (pushed === 'coalesced') this.letters.coalesced++;
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
  }

  ask({ from, to, message, lane, deadlineMs, settle }: AskRequest): void {
    const { id, deadline } = this.#asks.open(to, { now: this.#clock.now(), deadlineMs }, settle);
    this.deliver(to, { ...envelope(from, message), ask: id, deadline }, lane);
  }

  reply(cell: Cell, to: ReplyTo, body: unknown): void {
    cell.owes = Math.max(0, cell.owes - 1);
    if (!this.#asks.reply(to.ask, body)) this.note('late', to.from, cell.address, 'reply');
  }

  /** A message that nobody was handed. */
  refuse(letter: Envelope, to: string, reason: DeadLetterReason): void {
    this.letters.offered++;
    this.bury(letter, to, reason);
  }

  /** A message that nobody handles. */
  bury(letter: Envelope, to: string, reason: DeadLetterReason): void {
    this.letters.buried++;
    this.note(reason, to, letter.from, String((letter.message as { type?: unknown } | null)?.type));
    if (letter.ask > 0) this.#asks.fail(letter.ask, reason);
  }

  note(reason: DeadLetterReason, to: string, from: string, type: string): void {
    this.deadLetters.add({ reason, to, from, type, at: this.#clock.wall() });
  }

  /** A result for the life of an actor that asked for it; the next life must not take it for its own. */
  toLife(cell: Cell, life: number, message: unknown): void {
    if (cell.life !== life || cell.status === 'stopped') return;
    this.push(cell, { ...envelope(cell.address, message), life }, 'system');
  }

  /** As {@link toLife}, during the life itself, and before everything that waits: nothing may be handled in between. */
  toLifeFirst(cell: Cell, message: unknown): void {
    if (cell.status === 'stopped') return;
    this.letters.offered++;
    cell.mailbox.unshift({ ...envelope(cell.address, message), life: cell.life });
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
  }

  /** A message to every actor of a kind, for the rare events that concern all. */
  tellAll(kind: string, message: unknown): void {
    for (const cell of [...this.cells])
      if (cell.behaviour.kind === kind) this.push(cell, envelope('', message), 'system');
  }
}
