import { Asks, type IsPutOff } from './asks.ts';
import type { Census } from './cells.ts';
import { Cell, type AnyBehaviour, type CellHost } from './cell.ts';
import type { DeadLetters } from './dead-letters.ts';
import { kindOf } from './addresses.ts';
import { Deliveries, ResultsOf } from './deliveries.ts';
import { ANY_GENERATION, envelopeOf, type Envelope } from './mailbox.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import type { Observer } from './observer.ts';
import { performEdge, type Ports } from './perform.ts';
import type { Address, Answer, AnswerTo, Behaviour, Effect, Lane, ReplyTo } from './ports/actor.ts';
import { Scheduler } from './scheduler.ts';
import { REVIVE, Supervision } from './supervision.ts';
import { TimerWheel, type Timer } from './timers.ts';
import { MutableTurn } from './turn.ts';

/** With fewer waiting user messages than this, the sender of more may continue. */
const LOW_WATER = 16;

export interface AskOptions {
  readonly deadlineMs: number;
  readonly lane?: Lane;
}

/**
 * The actors of one node.
 *
 * - Each actor handles one message at a time: the whole step, then its effects in order.
 * - Every message is handled, refused to its sender, or a dead letter with a reason (invariant 14).
 * - `tell`, `ask`, `offer` and `spawn` are the only entries into the core. All of them return at once.
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

  constructor(ports: Ports, observer?: Observer, isPutOff?: IsPutOff) {
    this.#ports = ports;
    this.#observer = observer;
    this.#wheel = new TimerWheel(ports.clock, () => this.#scheduler.wake());
    this.#asks = new Asks(this.#wheel, isPutOff);
    this.#turn = new MutableTurn(ports);
    this.#scheduler = new Scheduler(ports.clock, {
      step: (cell) => this.#takeOne(cell),
      dirty: () => ports.sockets.dirty,
      sliceOver: () => {
        ports.sockets.flush();
        ports.bus.flush();
        this.#wheel.settle();
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
      turn: this.#turn,
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

  tell<Message>(to: Address<Message>, message: Message, lane?: Lane): void {
    this.#deliveries.deliver(to, envelopeOf('', message), lane);
  }

  /** A message to every actor of a kind on this node. */
  tellLocalKind(kind: string, message: unknown): void {
    this.#deliveries.tellLocalKind(kind, message);
  }

  /** The way to and from other nodes. */
  get nodes(): Pick<Deliveries, 'remote' | 'place'> {
    return this.#deliveries;
  }

  /** Passes a message to a known cell, which is how frames come in. False when its mailbox is full. */
  offer(cell: Cell, message: unknown, lane: Lane): boolean {
    if (cell.status === 'stopped') return true;
    const { counters } = this.#deliveries;
    counters.offered++;
    if (cell.mailbox.push(envelopeOf('', message), lane, undefined) === 'full') {
      counters.refused++;
      return false;
    }
    if (cell.status === 'running') this.#scheduler.enqueue(cell);
    return true;
  }

  /** As {@link offer}, ahead of all waiting messages: a flood can neither delay nor refuse what ends an actor. */
  overtake(cell: Cell, message: unknown): void {
    this.#deliveries.pushFirst(cell, message);
  }

  /** An ask from outside the core. */
  ask<Message, const Sent extends Message>(
    to: Address<Message>,
    message: Sent,
    options: AskOptions,
    done: (answer: Answer<AnswerTo<Message, Sent>>) => void,
  ): void {
    if (this.#isStopped) return done({ ok: false, taken: false, reason: 'stopped' });
    const { deadlineMs, lane } = options;
    const due = { now: this.#ports.clock.now(), deadlineMs };
    this.#deliveries.ask({ from: '', to, message, lane, due, settle: done });
  }

  /** Ends the system: every ask ends now, and the system refuses what comes later at once. */
  stop(): void {
    this.#isStopped = true;
    this.#asks.failAll('stopped');
  }

  census(): Census {
    return { cells: this.#deliveries.cells.counts(), timers: this.#wheel.size, asks: this.#asks.size };
  }

  /** The fate of every message. */
  get deliveryCounters(): DeliveryCounters {
    return this.#deliveries.counters;
  }

  /** Every living actor. */
  cells(): Iterable<Cell> {
    return this.#deliveries.cells;
  }

  /** Open asks whose deadline passed more than `slackMs` ago. There must be none. */
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

  /** Runs one message of one actor. False when it has none to take. */
  #takeOne(cell: Cell): boolean {
    if (cell.status !== 'running') return false;
    const envelope = cell.mailbox.shift(cell.isHeld);
    if (cell.whenDrained && cell.mailbox.userSize < LOW_WATER) this.#tellDrained(cell);
    if (!envelope) return false;
    // The timer was disarmed while its message waited, or the result is for an earlier generation.
    const isDisarmed = envelope.timer && !cell.dropTimer(envelope.timer);
    if (isDisarmed || (envelope.generation !== ANY_GENERATION && envelope.generation !== cell.generation)) {
      this.#deliveries.outdated(envelope, cell.address);
      return true;
    }
    if (envelope.ask > 0 && envelope.deadline < this.#ports.clock.now()) {
      this.#deliveries.bury(envelope, cell.address, 'expired');
      return true;
    }
    this.#step(cell, envelope);
    return true;
  }

  #tellDrained(cell: Cell): void {
    const { whenDrained } = cell;
    cell.whenDrained = undefined;
    whenDrained?.();
  }

  #step(cell: Cell, envelope: Envelope): void {
    let replyTo: ReplyTo | undefined;
    if (envelope.ask > 0) {
      const ask = this.#asks.get(envelope.ask);
      if (!ask) return this.#deliveries.bury(envelope, cell.address, 'late');
      ask.isTaken = true;
      cell.openReplies++;
      replyTo = { ask: envelope.ask, from: envelope.from };
    }
    const turn = this.#turn.of(cell, replyTo, envelope.deadline);
    let effects: readonly Effect[];
    try {
      effects = cell.behaviour.step(cell.state, envelope.message, turn);
    } catch (error) {
      this.#observer?.crashed(cell, envelope);
      return this.#supervision.crashed(cell, envelope, error);
    }
    this.#deliveries.counters.handled++;
    this.#perform(cell, effects);
    this.#observer?.stepped(cell, envelope, effects);
  }

  #enqueueIfReady(cell: Cell): void {
    if (cell.status === 'running' && cell.mailbox.hasWork(cell.isHeld)) this.#scheduler.enqueue(cell);
  }

  // --- effects

  #perform(cell: Cell, effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(cell, effect);
  }

  #performOne(cell: Cell, effect: Effect): void {
    switch (effect.type) {
      case 'tell': {
        const { to, message, lane, key } = effect;
        return this.#deliveries.deliver(to, envelopeOf(cell.address, message), lane, key);
      }
      case 'publish':
        return this.#deliveries.publish(effect.to, effect.nodes, effect.message);
      case 'place':
        return this.#deliveries.place(effect);
      case 'tellLocalKind':
        return this.#deliveries.tellLocalKind(effect.kind, effect.message);
      case 'ask':
        return this.#ask(cell, effect);
      case 'reply':
        return this.#deliveries.reply(cell, effect.to, effect.body);
      case 'arm':
        return cell.arm(this.#wheel, effect.timer, effect.delayMs);
      case 'disarm':
        return cell.disarm(this.#wheel, effect.timer);
      case 'afterQueue':
        return this.#defer(cell, effect.message);
      case 'hold':
        cell.isHeld = true;
        return;
      case 'release':
        cell.isHeld = false;
        return this.#enqueueIfReady(cell);
      case 'stop':
        return this.#supervision.stop(cell, 'stopped');
      default:
        performEdge(this.#ports, effect, new ResultsOf(cell, this.#deliveries));
    }
  }

  // A function of its own for each closure: V8 makes room for what a closure keeps at each call of the function around it.

  #ask(cell: Cell, { to, message, lane, deadlineMs, context }: Effect & { readonly type: 'ask' }): void {
    const { address, generation } = cell;
    const settle = (answer: Answer<unknown>): void =>
      this.#deliveries.pushResult(cell, generation, { type: 'answer', context, answer });
    const due = { now: this.#turn.now, deadlineMs };
    this.#deliveries.ask({ from: address, to, message, lane, due, settle });
  }

  #defer(cell: Cell, message: unknown): void {
    const { generation } = cell;
    this.#scheduler.defer(() => this.#deliveries.pushResult(cell, generation, message));
  }

  // --- timers

  timerDue(cell: Cell, timer: Timer): void {
    if (timer.name === REVIVE) {
      cell.dropTimer(timer);
      return this.#supervision.revive(cell);
    }
    const envelope = { ...envelopeOf(cell.address, { type: 'timer', timer: timer.name }), timer };
    this.#deliveries.push(cell, envelope);
  }
}
