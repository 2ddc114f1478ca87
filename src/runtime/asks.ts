import type { Answer, DeadLetterReason } from './ports/actor.ts';
import type { Incarnation } from './ports/placement.ts';
import { SentOrder } from './sent-order.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

/** Takes the answer for the asker, which knows from its message which answer comes. The runtime does not. */
export type Settle = (answer: Answer<never>) => void;

/**
 * Whether an answer says no more than that the actor does nothing now. If an earlier life of the actor had the request, such an
 * answer of the next one must not pass for "it was not done".
 */
export type IsPutOff = (body: unknown) => boolean;

/** A message that has left for another node. */
export interface SentAsk {
  readonly peer: Incarnation;
  /** The answer says no more than that it has arrived. */
  readonly isTell: boolean;
  /** The generation of the actor that it is for; null for an actor that is bound to a socket. */
  readonly generation: string | null;
  /** Delivers it once more. */
  readonly again: () => void;
}

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
  /** An earlier life of the actor, on this node or another, had the request. It may have carried it out. */
  mayBeDone = false;
  /** A tell that has arrived, while something that left before it is open. */
  hasArrived = false;
  /** Where the request was sent to, if that is another node. */
  remote: SentAsk | undefined;

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
  readonly #isPutOff: IsPutOff;
  readonly #open = new Map<number, OpenAsk>();
  readonly #order = new SentOrder<OpenAsk>();
  #lastId = 0;

  constructor(wheel: TimerWheel, isPutOff: IsPutOff = () => false) {
    this.#wheel = wheel;
    this.#isPutOff = isPutOff;
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
    if (ask) this.#settle(id, { ok: false, taken: ask.isTaken || ask.mayBeDone, reason });
  }

  /** Ends every ask that this actor has taken and not answered. */
  failTaken(by: string, reason: DeadLetterReason): void {
    for (const ask of [...this.#open.values()]) {
      if (ask.to === by && ask.isTaken) this.fail(ask.id, reason);
    }
  }

  /** The ask leaves for another node, whose actor may carry it out. */
  sent(ask: OpenAsk, remote: SentAsk): void {
    ask.isTaken = true;
    ask.remote = remote;
    if (remote.generation !== null) this.#order.add(ask);
  }

  /** Another node reports the end of an ask. Only the life of the actor that the ask was sent to last can say it (D13). */
  answeredBy(peer: Incarnation, id: number, generation: string | null, answer: Answer<unknown>): void {
    const ask = this.#open.get(id);
    if (ask?.remote?.peer !== peer || ask.remote.generation !== generation) return;
    if (ask.remote.isTell && !this.#order.isFirst(ask)) ask.hasArrived = true;
    else this.#settle(id, answer);
  }

  /** Ends every ask of an actor that was bound to a socket of that node. */
  failAt(peer: Incarnation, reason: DeadLetterReason): void {
    for (const ask of [...this.#open.values()])
      if (ask.remote?.peer === peer && ask.remote.generation === null) this.fail(ask.id, reason);
  }

  /**
   * Takes back the messages that were sent to actors of the cluster and meet a condition, in the order in which they left: they
   * are to be delivered again. The life that they were for may still carry them out.
   */
  recall(isConcerned: (to: string, sent: SentAsk) => boolean): readonly SentAsk[] {
    const recalled: SentAsk[] = [];
    for (const ask of this.#order.all()) {
      const { remote } = ask;
      if (!remote || !isConcerned(ask.to, remote)) continue;
      for (const tell of this.#order.remove(ask)) this.#close(tell);
      // A tell leaves as another one.
      if (remote.isTell) this.#close(ask);
      ask.mayBeDone ||= ask.isTaken;
      ask.isTaken = false;
      ask.remote = undefined;
      recalled.push(remote);
    }
    return recalled;
  }

  /** What the newest life of an actor says of a request that an earlier one had too. */
  #doubted(answer: Answer<unknown>): Answer<unknown> {
    if (!answer.ok) return { ...answer, taken: true };
    return this.#isPutOff(answer.body) ? { ok: false, taken: true, reason: 'moved' } : answer;
  }

  /** Ends every ask. */
  failAll(reason: DeadLetterReason): void {
    for (const id of [...this.#open.keys()]) this.fail(id, reason);
  }

  #settle(id: number, answer: Answer<unknown>): OpenAsk | undefined {
    const ask = this.#open.get(id);
    if (!ask) return undefined;
    this.#close(ask);
    for (const tell of this.#order.remove(ask)) this.#close(tell);
    ask.settle((ask.mayBeDone ? this.#doubted(answer) : answer) as Answer<never>);
    return ask;
  }

  #close(ask: OpenAsk): void {
    this.#open.delete(ask.id);
    if (ask.timer) this.#wheel.disarm(ask.timer);
  }
}
