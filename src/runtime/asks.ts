import type { Answer, DeadLetterReason } from './ports/actor.ts';
import type { Incarnation } from './ports/placement.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

/** Takes the answer for the asker, which knows from its message which answer comes. The runtime does not. */
export type Settle = (answer: Answer<never>) => void;

/** An ask that is not over yet. */
export class OpenAsk implements TimerOwner {
  readonly id: number;
  readonly to: string;
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly settle: Settle;
  readonly #asks: Asks;
  /** The actor has taken the request out of its mailbox, so it may have carried it out. */
  isTaken = false;
  timer: Timer | undefined;
  /** The node that the request was sent to, and a function that sends it again to another generation of the same actor. */
  remote: { readonly peer: Incarnation; readonly again: () => void } | undefined;

  constructor(asks: Asks, asked: Pick<OpenAsk, 'id' | 'to' | 'deadline' | 'settle'>) {
    this.#asks = asks;
    this.id = asked.id;
    this.to = asked.to;
    this.deadline = asked.deadline;
    this.settle = asked.settle;
  }

  timerDue(): void {
    this.#asks.fail(this.id, 'expired');
  }
}

/**
 * Every ask of the node. Each ends exactly once (invariant 15): with its reply, at its deadline, or because the actor that
 * should answer is gone.
 */
export class Asks {
  readonly #wheel: TimerWheel;
  readonly #open = new Map<number, OpenAsk>();
  #lastId = 0;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  get size(): number {
    return this.#open.size;
  }

  open(to: string, due: { readonly now: number; readonly deadlineMs: number }, settle: Settle): OpenAsk {
    const { now, deadlineMs } = due;
    const ask = new OpenAsk(this, { id: ++this.#lastId, to, deadline: now + deadlineMs, settle });
    ask.timer = this.#wheel.arm(ask, 'ask', deadlineMs, now);
    this.#open.set(ask.id, ask);
    return ask;
  }

  get(id: number): OpenAsk | undefined {
    return this.#open.get(id);
  }

  /** Returns the ask that the reply answers, or undefined when it was over already. */
  reply(id: number, body: unknown): OpenAsk | undefined {
    return this.#settle(id, { ok: true, body });
  }

  /** The actors that have not answered asks which should have ended before `time`. */
  overdue(time: number): readonly string[] {
    return [...this.#open.values()].filter(({ deadline }) => deadline < time).map(({ to }) => to);
  }

  fail(id: number, reason: DeadLetterReason): void {
    const ask = this.#open.get(id);
    if (ask) this.#settle(id, { ok: false, taken: ask.isTaken, reason });
  }

  /** Ends every ask that this actor has taken and not answered. */
  failTaken(by: string, reason: DeadLetterReason): void {
    for (const ask of [...this.#open.values()]) {
      if (ask.to === by && ask.isTaken) this.fail(ask.id, reason);
    }
  }

  /** Another node reports the end of an ask that was sent to it. */
  answeredBy(peer: Incarnation, id: number, answer: Answer<unknown>): void {
    if (this.#open.get(id)?.remote?.peer === peer) this.#settle(id, answer);
  }

  /** Ends every ask that was sent to another node. */
  failAt(peer: Incarnation, reason: DeadLetterReason): void {
    for (const ask of [...this.#open.values()]) if (ask.remote?.peer === peer) this.fail(ask.id, reason);
  }

  /** Ends every ask. */
  failAll(reason: DeadLetterReason): void {
    for (const id of [...this.#open.keys()]) this.fail(id, reason);
  }

  #settle(id: number, answer: Answer<unknown>): OpenAsk | undefined {
    const ask = this.#open.get(id);
    if (!ask) return undefined;
    this.#open.delete(id);
    if (ask.timer) this.#wheel.disarm(ask.timer);
    ask.settle(answer as Answer<never>);
    return ask;
  }
}
