import type { Asks } from './asks.ts';
import type { AnyBehaviour, Cell } from './cell.ts';
import { Cells } from './cells.ts';
import { DeadLetters } from './dead-letters.ts';
import { Letters } from './letters.ts';
import type { Envelope } from './mailbox.ts';
import type { Clock } from './ports/clock.ts';
import type { Answer, DeadLetterReason, Lane, ReplyTo } from './ports/actor.ts';
import type { Scheduler } from './scheduler.ts';

/** A letter that whoever lives at the address may take. */
export const ANY_LIFE = -1;

export function envelope(from: string, message: unknown): Envelope {
  return { from, message, ask: 0, deadline: Infinity, timer: undefined, life: ANY_LIFE, crashes: 0 };
}

export function kindOf(address: string): string {
  const colon = address.indexOf(':');
  return colon < 0 ? address : address.slice(0, colon);
}

export interface AskRequest {
  readonly from: string;
  readonly to: string;
  readonly message: unknown;
  readonly lane: Lane;
  readonly deadlineMs: number;
  readonly settle: (answer: Answer<unknown>) => void;
}

/** Starts a virtual actor that a message came for. */
export type Summon = (behaviour: AnyBehaviour, address: string) => Cell;

/**
 * Who lives where, and how messages get there.
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
  readonly #summon: Summon;

  constructor(parts: {
    readonly behaviours: ReadonlyMap<string, AnyBehaviour>;
    readonly clock: Clock;
    readonly asks: Asks;
    readonly scheduler: Scheduler;
    readonly summon: Summon;
  }) {
    this.#behaviours = parts.behaviours;
    this.#clock = parts.clock;
    this.#asks = parts.asks;
    this.#scheduler = parts.scheduler;
    this.#summon = parts.summon;
  }

  deliver(to: string, letter: Envelope, lane: Lane, key?: string): void {
    const cell = this.cells.get(to) ?? this.#summonAt(to);
    if (cell) return this.push(cell, letter, lane, key);
    this.letters.offered++;
    this.bury(letter, to, 'no_actor');
  }

  push(cell: Cell, letter: Envelope, lane: Lane, key?: string): void {
    this.letters.offered++;
    if (cell.status === 'quarantined') return this.bury(letter, cell.address, 'quarantined');
    const pushed = cell.mailbox.push(letter, lane, key);
    if (pushed === 'full') return this.bury(letter, cell.address, 'overflow');
    if (pushed === 'coalesced') this.letters.coalesced++;
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
  }

  #summonAt(address: string): Cell | undefined {
    const behaviour = this.#behaviours.get(kindOf(address));
    return behaviour?.isVirtual ? this.#summon(behaviour, address) : undefined;
  }

  ask({ from, to, message, lane, deadlineMs, settle }: AskRequest): void {
    const { id, deadline } = this.#asks.open(to, { now: this.#clock.now(), deadlineMs }, settle);
    this.deliver(to, { ...envelope(from, message), ask: id, deadline }, lane);
  }

  reply(cell: Cell, to: ReplyTo, body: unknown): void {
    cell.owes = Math.max(0, cell.owes - 1);
    if (!this.#asks.reply(to.ask, body)) this.#note('late', to.from, cell.address, 'reply');
  }

  /** A message that nobody handles. */
  bury(letter: Envelope, to: string, reason: DeadLetterReason): void {
    this.letters.buried++;
    this.#note(reason, to, letter.from, String((letter.message as { type?: unknown } | null)?.type));
    if (letter.ask > 0) this.#asks.fail(letter.ask, reason);
  }

  #note(reason: DeadLetterReason, to: string, from: string, type: string): void {
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
