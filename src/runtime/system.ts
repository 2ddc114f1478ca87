import { Asks } from './asks.ts';
import type { Census } from './cells.ts';
import { Cell, type AnyBehaviour, type CellHost } from './cell.ts';
import type { DeadLetters } from './dead-letters.ts';
import { kindOf } from './addresses.ts';
import { Deliveries } from './deliveries.ts';
import { ANY_LIFE, envelope, type Envelope } from './mailbox.ts';
import type { Letters } from './letters.ts';
import type { Observer } from './observer.ts';
import { performEdge, type Ports } from './perform.ts';
import type { Address, Answer, Behaviour, Effect, Lane, ReplyTo } from './ports/actor.ts';
import type { Remote } from './remote.ts';
import { Scheduler } from './scheduler.ts';
import { REVIVE, Supervision } from './supervision.ts';
import { TimerWheel, type Timer } from './timers.ts';
import { MutableTurn } from './turn.ts';

/** Below this many waiting user messages, whoever fills a mailbox may go on. */
const LOW_WATER = 16;

export interface AskOptions {
  readonly deadlineMs: number;
  readonly lane?: Lane;
}

/**
 * The actors of one node.
 *
 * - One message at a time per actor, each step to its end, then its effects in order.
 * - Every message is handled, refused to its sender, or a dead letter with a reason (invariant 14).
 * - The core is entered only through `tell`, `ask`, `offer` and `spawn`; all of them return at once.
 */
export class ActorSystem implements CellHost {
  readonly #ports: Ports;
  #isStopped = false;
  readonly #behaviours = new Map<string, AnyBehaviour>();
  readonly #wheel: TimerWheel;
  readonly #asks: Asks;
  readonly #scheduler: Scheduler;
  readonly #deliveries: Deliveries;
  readonly #supervision: Supervision;
  readonly #turn: MutableTurn;
  readonly #observer: Observer | undefined;

  constructor(ports: Ports, observer?: Observer) {
    this.#ports = ports;
    this.#observer = observer;
    this.#wheel = new TimerWheel(ports.clock);
    this.#asks = new Asks(this.#wheel);
    this.#turn = new MutableTurn(ports);
    this.#scheduler = new Scheduler(ports.clock, {
      step: (cell) => this.#takeOne(cell),
      dirty: () => ports.sockets.dirty,
      sliceOver: () => {
        ports.sockets.flush();
        ports.bus.flush();
      },
    });
    this.#deliveries = new Deliveries({
      behaviours: this.#behaviours,
      clock: ports.clock,
      wheel: this.#wheel,
      asks: this.#asks,
      scheduler: this.#scheduler,
      placement: ports.placement,
      bus: ports.bus,
      activate: (behaviour, address) => this.#begin(behaviour, address, undefined),
    });
    this.#supervision = new Supervision({
      clock: ports.clock,
      telemetry: ports.telemetry,
      wheel: this.#wheel,
      asks: this.#asks,
      deliveries: this.#deliveries,
      turnOf: (cell) => this.#turn.of(cell, undefined, Infinity),
      perform: (cell, effects) => this.#perform(cell, effects),
      enqueue: (cell) => this.#enqueueIfReady(cell),
      observer,
    });
  }

  register<State, Message, Init>(behaviour: Behaviour<State, Message, Init>): void {
    this.#behaviours.set(behaviour.kind, behaviour);
  }

  /** Starts an actor. Its address must be free. */
  spawn<Message>(address: Address<Message>, init: unknown): Cell {
    const behaviour = this.#behaviours.get(kindOf(address));
    if (!behaviour) throw new Error(`no behaviour is registered for ${address}`);
    if (this.#deliveries.cells.get(address)) throw new Error(`${address} lives already`);
    return this.#begin(behaviour, address, init);
  }

  #begin(behaviour: AnyBehaviour, address: string, init: unknown): Cell {
    const cell = new Cell(address, behaviour, this);
    this.#deliveries.cells.add(cell);
    this.#supervision.start(cell, init, false);
    return cell;
  }

  tell<Message>(to: Address<Message>, message: Message, lane: Lane = 'user'): void {
    this.#deliveries.deliver(to, envelope('', message), lane);
  }

  /** A message to every actor of a kind on this node. */
  tellAll(kind: string, message: unknown): void {
    this.#deliveries.tellAll(kind, message);
  }

  /** Who is told what other nodes send, and when one is gone. */
  get remote(): Pick<Remote, 'received' | 'peerDown'> {
    return this.#deliveries.remote;
  }

  /** Hands a message to a cell one holds: the way of frames. False when its mailbox is full. */
  offer(cell: Cell, message: unknown, lane: Lane): boolean {
    if (cell.status === 'stopped') return true;
    const { letters } = this.#deliveries;
    letters.offered++;
    if (cell.mailbox.push(envelope('', message), lane, undefined) === 'full') {
      letters.refused++;
      return false;
    }
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
    return true;
  }

  /** As {@link offer}, before all that waits: what ends an actor is never behind what floods it, nor refused. */
  overtake(cell: Cell, message: unknown): void {
    this.#deliveries.toLifeFirst(cell, message);
  }

  /** An ask from outside the core. */
  ask<Message>(
    to: Address<Message>,
    message: Message,
    options: AskOptions,
    done: (answer: Answer<unknown>) => void,
  ): void {
    if (this.#isStopped) return done({ ok: false, taken: false, reason: 'stopped' });
    const { deadlineMs, lane = 'user' } = options;
    this.#deliveries.ask({ from: '', to, message, lane, deadlineMs, settle: done });
  }

  /** The end of it all: every ask ends now, and what comes later is refused at once. */
  stop(): void {
    this.#isStopped = true;
    this.#asks.failAll('stopped');
  }

  census(): Census {
    return { cells: this.#deliveries.cells.counts(), timers: this.#wheel.size, asks: this.#asks.size };
  }

  /** Where every message went. */
  get letters(): Letters {
    return this.#deliveries.letters;
  }

  /** Every actor there is. */
  cells(): Iterable<Cell> {
    return this.#deliveries.cells;
  }

  /** Asks that are open though their deadline has passed by more than `slackMs`: there must be none. */
  overdueAsks(slackMs: number): readonly string[] {
    return this.#asks.overdue(this.#ports.clock.now() - slackMs);
  }

  cell(address: string): Cell | undefined {
    return this.#deliveries.cells.get(address);
  }

  get deadLetters(): DeadLetters {
    return this.#deliveries.deadLetters;
  }

  // --- turns

  /** One message of one actor; false when it has none to take. */
  #takeOne(cell: Cell): boolean {
    if (cell.status !== 'running') return false;
    const letter = cell.mailbox.shift(cell.isHeld);
    if (cell.whenDrained && cell.mailbox.userSize < LOW_WATER) this.#tellDrained(cell);
    if (!letter) return false;
    // A timer that was disarmed while its message waited, or a result for an earlier life.
    const isDisarmed = letter.timer && !cell.dropTimer(letter.timer);
    if (isDisarmed || (letter.life !== ANY_LIFE && letter.life !== cell.life)) {
      this.#deliveries.letters.stale++;
      return true;
    }
    if (letter.ask > 0 && letter.deadline < this.#ports.clock.now()) {
      this.#deliveries.bury(letter, cell.address, 'expired');
      return true;
    }
    this.#step(cell, letter);
    return true;
  }

  #tellDrained(cell: Cell): void {
    const { whenDrained } = cell;
    cell.whenDrained = undefined;
    whenDrained?.();
  }

  #step(cell: Cell, letter: Envelope): void {
    let replyTo: ReplyTo | undefined;
    if (letter.ask > 0) {
      const ask = this.#asks.get(letter.ask);
      if (!ask) return this.#deliveries.bury(letter, cell.address, 'late');
      ask.isTaken = true;
      cell.owes++;
      replyTo = { ask: letter.ask, from: letter.from };
    }
    let effects: readonly Effect[];
    try {
      effects = cell.behaviour.step(
        cell.state,
        letter.message,
        this.#turn.of(cell, replyTo, letter.deadline),
      );
    } catch (error) {
      this.#observer?.crashed(cell, letter);
      return this.#supervision.crashed(cell, letter, error);
    }
    this.#deliveries.letters.handled++;
    this.#perform(cell, effects);
    this.#observer?.stepped(cell, letter, effects);
  }

  #enqueueIfReady(cell: Cell): void {
    if (cell.status === 'running' && cell.mailbox.hasWork(cell.isHeld)) this.#scheduler.enqueue(cell);
  }

  // --- effects

  #perform(cell: Cell, effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(cell, effect);
  }

  #performOne(cell: Cell, effect: Effect): void {
    const { life } = cell;
    switch (effect.type) {
      case 'tell':
        return this.#deliveries.deliver(
          effect.to,
          envelope(cell.address, effect.message),
          effect.lane,
          effect.key,
        );
      case 'publish':
        return this.#deliveries.publish(effect.to, effect.nodes, effect.message);
      case 'tellAll':
        return this.#deliveries.tellAll(effect.kind, effect.message);
      case 'ask': {
        const { to, message, lane, deadlineMs, context } = effect;
        const settle = (answer: Answer<unknown>): void =>
          this.#deliveries.toLife(cell, life, { type: 'answer', context, answer });
        return this.#deliveries.ask({ from: cell.address, to, message, lane, deadlineMs, settle });
      }
      case 'reply':
        return this.#deliveries.reply(cell, effect.to, effect.body);
      case 'arm':
        return cell.arm(this.#wheel, effect.timer, effect.delayMs);
      case 'disarm':
        return cell.disarm(this.#wheel, effect.timer);
      case 'soon':
        return this.#scheduler.defer(() => this.#deliveries.toLife(cell, life, effect.message));
      case 'hold':
        cell.isHeld = true;
        return;
      case 'release':
        cell.isHeld = false;
        return this.#enqueueIfReady(cell);
      case 'stop':
        return this.#supervision.stop(cell, 'stopped');
      default:
        performEdge(this.#ports, effect, {
          first: (message) => this.#deliveries.toLifeFirst(cell, message),
          later: (message) => this.#deliveries.toLife(cell, life, message),
        });
    }
  }

  // --- timers

  timerDue(cell: Cell, timer: Timer): void {
    if (timer.name === REVIVE) {
      cell.dropTimer(timer);
      return this.#supervision.revive(cell);
    }
    const letter = { ...envelope(cell.address, { type: 'timer', timer: timer.name }), timer };
    this.#deliveries.push(cell, letter, 'system');
  }
}
