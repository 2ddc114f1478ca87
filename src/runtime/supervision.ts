import type { Asks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { Deliveries } from './deliveries.ts';
import { ANY_GENERATION, type Envelope } from './mailbox.ts';
import type { Clock } from './ports/clock.ts';
import type { DeadLetterReason, Effect } from './ports/actor.ts';
import type { Telemetry } from './ports/telemetry.ts';
import type { Observer } from './observer.ts';
import { judge, POISON_CRASHES } from './restart-policy.ts';
import type { TimerWheel } from './timers.ts';
import type { MutableTurn } from './turn.ts';

/** The name of the timer between two generations of an actor. No behaviour can use this name. */
export const REVIVE = '\0revive';

interface Parts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly wheel: TimerWheel;
  readonly asks: Asks;
  readonly deliveries: Deliveries;
  readonly turn: MutableTurn;
  readonly perform: (cell: Cell, effects: readonly Effect[]) => void;
  readonly enqueue: (cell: Cell) => void;
  readonly observer: Observer | undefined;
}

/**
 * Starts and ends of actors (D5).
 *
 * - An actor whose step threw never continues with its state: it is over, or its next generation starts from nothing, or from
 *   what its kind saves of the state.
 * - Every asker that waits for its answer gets a failure. Waiting messages go to the next generation, or become dead letters.
 */
export class Supervision {
  readonly #parts: Parts;
  #generations = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  start(cell: Cell, init: unknown, restarted: boolean): void {
    if (!restarted) cell.generation = ++this.#generations;
    let effects: readonly Effect[];
    const turn = this.#parts.turn.of(cell, undefined, Infinity);
    try {
      const context = { address: cell.address, id: cell.id, init, restarted };
      [cell.state, effects] = cell.behaviour.start(context, turn, cell.crashed);
    } catch (error) {
      return this.crashed(cell, undefined, error);
    }
    cell.crashed = undefined;
    this.#parts.perform(cell, effects);
    this.#parts.observer?.started(cell, effects);
  }

  /** Starts the next generation of an actor that crashed, after its pause. */
  revive(cell: Cell): void {
    cell.status = 'running';
    this.start(cell, undefined, true);
    this.#parts.enqueue(cell);
  }

  stop(cell: Cell, reason: DeadLetterReason): void {
    const { asks, deliveries } = this.#parts;
    cell.status = 'stopped';
    this.#parts.observer?.stopped(cell);
    cell.state = undefined;
    this.#disarmAll(cell);
    deliveries.cells.remove(cell);
    if (cell.openReplies > 0) asks.failTaken(cell.address, reason);
    if (cell.mailbox.size > 0) this.#redeliver(cell);
    cell.whenDrained?.();
    cell.whenDrained = undefined;
  }

  /** Gives the waiting messages of an actor that ended to its next generation, if its kind starts with a message. */
  #redeliver(cell: Cell): void {
    const { deliveries } = this.#parts;
    for (const { envelope, lane, key } of cell.mailbox.takeAll()) {
      if (envelope.timer) deliveries.counters.stale++;
      else if (envelope.generation !== ANY_GENERATION || cell.behaviour.placement === 'socket')
        deliveries.bury(envelope, cell.address, 'stopped');
      else {
        deliveries.counters.moved++;
        deliveries.deliver(cell.address, envelope, lane, key);
      }
    }
  }

  crashed(cell: Cell, envelope: Envelope | undefined, error: unknown): void {
    const { telemetry, deliveries, asks, turn } = this.#parts;
    telemetry.count('actor_crashes', 1);
    telemetry.log('error', 'actor crashed', {
      address: cell.address,
      message: (envelope?.message as { type?: unknown } | undefined)?.type ?? 'start',
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    if (cell.behaviour.supervision === 'stop') {
      if (envelope) deliveries.bury(envelope, cell.address, 'crashed');
      this.#onFailure(cell, cell.state);
      return this.stop(cell, 'crashed');
    }
    this.#disarmAll(cell);
    cell.generation = ++this.#generations;
    cell.isHeld = false;
    // A start that throws has no state: the next one begins from the same generation.
    if (cell.behaviour.supervision === 'handOver' && envelope)
      cell.crashed = { state: cell.state, step: turn.step };
    cell.state = undefined;
    const isPoison = envelope !== undefined && this.#tryAgainOrBury(cell, envelope) === 'poison';
    if (cell.openReplies > 0) asks.failTaken(cell.address, 'crashed');
    cell.openReplies = 0;
    this.#pause(cell);
    if (isPoison || cell.status === 'quarantined') this.#giveUp(cell);
  }

  /** Nothing is left of the generation that crashed: the next one starts from nothing. */
  #giveUp(cell: Cell): void {
    const { crashed } = cell;
    if (!crashed) return;
    cell.crashed = undefined;
    this.#onFailure(cell, crashed.state);
  }

  #pause(cell: Cell): void {
    const { clock, deliveries, wheel } = this.#parts;
    const verdict = judge(cell.crashedAt ?? [], clock.now());
    cell.status = verdict.status;
    cell.crashedAt = verdict.crashedAt;
    cell.timers = [wheel.arm(cell, REVIVE, verdict.delayMs)];
    if (verdict.status !== 'quarantined') return;
    for (const { envelope } of cell.mailbox.takeAll()) {
      if (envelope.timer) deliveries.counters.stale++;
      else deliveries.bury(envelope, cell.address, 'quarantined');
    }
  }

  /** The next generation gets the message that crashed its actor once more, but no results for the one that crashed. */
  #tryAgainOrBury(cell: Cell, envelope: Envelope): 'poison' | void {
    envelope.crashes++;
    const { deliveries } = this.#parts;
    if (envelope.generation !== ANY_GENERATION || envelope.timer) {
      deliveries.counters.crashed++;
      return;
    }
    if (envelope.crashes >= POISON_CRASHES) {
      deliveries.bury(envelope, cell.address, 'poison');
      return 'poison';
    }
    const ask = envelope.ask > 0 ? this.#parts.asks.get(envelope.ask) : undefined;
    if (ask) {
      // The runtime carried out nothing of the step, so the request counts as never taken.
      ask.isTaken = false;
      cell.openReplies--;
    }
    cell.mailbox.unshift(envelope);
  }

  #onFailure(cell: Cell, state: unknown): void {
    const { turn } = this.#parts;
    try {
      this.#parts.perform(cell, cell.behaviour.onFailure?.(state, turn.of(cell, undefined, Infinity)) ?? []);
    } catch (error) {
      this.#parts.telemetry.log('error', 'onFailure of an actor failed', {
        address: cell.address,
        error: String(error),
      });
    }
  }

  #disarmAll(cell: Cell): void {
    for (const timer of cell.timers ?? []) this.#parts.wheel.disarm(timer);
    cell.timers = undefined;
  }
}
