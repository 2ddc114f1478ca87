import type { Effect, Turn } from '../../runtime/ports/actor.ts';
import { Effects } from '../kit/effects.ts';
import { resetFirst, resetIn } from '../kit/frames.ts';
import { LazyMap } from '../kit/lazy.ts';
import type { CatchUp } from './catch-up.ts';
import type { Fanout } from './fanout.ts';
import type { Subscriber } from './subscriber.ts';
import type { Subscribers } from './subscribers.ts';

/** A subscriber before the step that threw. */
interface Survivor {
  readonly subscriber: Subscriber;
  /** The `first` of its next batch; undefined before its `start`. */
  readonly next: number | undefined;
}

/** A batch that one step has written to some connections. */
interface Written {
  readonly first: number;
  readonly connections: readonly number[];
}

/**
 * The state of a relay's subscribers before a step, so that the next generation can continue from there if the step throws.
 *
 * - The runtime carries out no effect of a step that threw. A subscriber that got batches in the step is where the first of
 *   them begins; any other is where the relay has it now.
 * - The copies in `#before` undo changes of subscribers.
 */
export class Rollback {
  readonly #subscribers: Subscribers;
  readonly #fanout: Fanout;
  readonly #catchUp: CatchUp;
  #step = 0;
  #out: Effects | undefined;
  /** Kept instead of the effects when the step is over: they hold all frames. */
  #written: readonly Written[] = [];
  /** Subscribers that the step has changed or removed, as they were. */
  readonly #before = new LazyMap<number, Survivor>();
  #sealed = 0;

  constructor(parts: {
    readonly subscribers: Subscribers;
    readonly fanout: Fanout;
    readonly catchUp: CatchUp;
  }) {
    this.#subscribers = parts.subscribers;
    this.#fanout = parts.fanout;
    this.#catchUp = parts.catchUp;
  }

  begin({ step }: Turn): Effects {
    this.#step = step;
    this.#before.clear();
    this.#sealed = this.#fanout.sealed;
    this.#out = new Effects();
    return this.#out;
  }

  end(): void {
    this.#written = this.#out ? writtenBy(this.#out.effects) : [];
    this.#out = undefined;
  }

  /** Nothing of the last step would have to be undone if it had thrown. */
  get isEmpty(): boolean {
    return this.#written.length === 0 && this.#before.size === 0;
  }

  /** The step is about to change or to remove a subscriber. */
  keep(subscriber: Subscriber): void {
    const { connection } = subscriber;
    if (!this.#before.has(connection)) this.#before.set(connection, this.#survivor({ ...subscriber }));
  }

  #survivor(subscriber: Subscriber): Survivor {
    const { connection } = subscriber;
    const live = this.#fanout.has(connection) ? this.#fanout.nextFor(connection) : undefined;
    return { subscriber, next: this.#catchUp.nextFor(connection) ?? live };
  }

  /** All subscribers, and those that the last step has removed: it may have thrown, which loses its effects. */
  everyone(): readonly Subscriber[] {
    const removed = [...this.#before].map(([, { subscriber }]) => subscriber);
    return [
      ...removed.filter(({ connection, isIn }) => isIn && !this.#subscribers.has(connection)),
      ...this.#subscribers.all(),
    ];
  }

  /** The last seq that all live subscribers had before the step that threw, unless `#survivors` says otherwise. */
  sealedBefore(step: number): number {
    const { sealed, resetTo } = this.#fanout;
    return Math.min(step === this.#step ? this.#sealed : Infinity, sealed, resetTo);
  }

  /**
   * Takes over the subscribers that were in before the step that threw. The asks of others fail. Returns those that cannot
   * stay: the home's time to confirm their right goes on (JW4).
   */
  follow(earlier: Rollback, step: number): readonly Subscriber[] {
    const lost: Subscriber[] = [];
    for (const { subscriber, next } of earlier.#survivors(step)) {
      if (subscriber.unsettled === 'demoted') {
        lost.push(subscriber);
        continue;
      }
      subscriber.asker = undefined;
      this.#subscribers.add(subscriber);
      if (next !== undefined) this.#catchUp.restore(subscriber.connection, next);
    }
    return lost;
  }

  #survivors(step: number): readonly Survivor[] {
    const isUndone = step === this.#step;
    const written = isUndone
      ? firstsOf(this.#out ? writtenBy(this.#out.effects) : this.#written)
      : NOTHING_WRITTEN;
    const before = isUndone ? this.#before : NO_SURVIVORS;
    const removed = [...before].filter(([connection]) => !this.#subscribers.has(connection));
    const there = Array.from(
      this.#subscribers.all(),
      (subscriber) => before.get(subscriber.connection) ?? this.#survivor(subscriber),
    );
    const { resetTo } = this.#fanout;
    return [...removed.map(([, survivor]) => survivor), ...there]
      .filter(({ subscriber }) => subscriber.isIn)
      .map(({ subscriber, next }) => {
        const first = written.get(subscriber.connection) ?? next;
        return { subscriber, next: isBehind(first, resetTo) ? resetFirst(resetTo) : first };
      });
  }
}

const NOTHING_WRITTEN: ReadonlyMap<number, number> = new Map();
const NO_SURVIVORS = new LazyMap<number, Survivor>();

/** Whether a subscriber whose next batch begins with `next` has entries after `seq`. */
function isBehind(next: number | undefined, seq: number): boolean {
  return next !== undefined && (resetIn(next) ?? next - 1) > seq;
}

function writtenBy(effects: readonly Effect[]): readonly Written[] {
  const written: Written[] = [];
  for (const effect of effects) {
    if (effect.type === 'fanout' && effect.batch.first !== 0)
      written.push({ first: effect.batch.first, connections: effect.connections });
  }
  return written;
}

/** The `first` of the first batch of each connection. */
function firstsOf(written: readonly Written[]): ReadonlyMap<number, number> {
  const firsts = new Map<number, number>();
  for (const { first, connections } of written)
    for (const connection of connections) if (!firsts.has(connection)) firsts.set(connection, first);
  return firsts;
}
