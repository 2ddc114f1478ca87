import type { Lane } from './ports/actor.ts';
import type { Timer } from './timers.ts';

/** A message with what the runtime has to know about it. */
export interface Envelope {
  readonly from: string;
  readonly message: unknown;
  /** The ask to answer; 0 for a tell. */
  readonly ask: number;
  /** When the asker stops waiting; infinite for a tell. */
  readonly deadline: number;
  /** The timer that this message is about: it counts only if that timer has not been disarmed meanwhile. */
  readonly timer: Timer | undefined;
  /** The life of the actor that this is a result for; any life when negative. */
  readonly life: number;
  /** Crashes of an actor over this message (D5). */
  crashes: number;
}

/** A letter that whoever lives at the address may take. */
export const ANY_LIFE = -1;

export function envelope(from: string, message: unknown): Envelope {
  return { from, message, ask: 0, deadline: Infinity, timer: undefined, life: ANY_LIFE, crashes: 0 };
}

/**
 * System messages that may wait where a kind of actor says nothing else. They are bounded by what is asked, armed and
 * subscribed, on a whole node where many come to one: more is a bug.
 */
const SYSTEM_MAX = 262_144;

/**
 * The bounded queue of one actor (D4).
 *
 * - System messages are taken before user messages, and in order; so are user messages.
 * - At most `userMax` user messages wait; one more is refused, never dropped. System messages have a bound too.
 * - The `latest` lane keeps one message a key: a newer one takes the older one's place in the queue.
 * - An empty mailbox holds no memory but its own few fields: most actors are idle.
 */
export class Mailbox {
  readonly #userMax: number;
  readonly #systemMax: number;
  #system: Queue | undefined;
  #user: Queue | undefined;
  #latest: Map<string, Envelope> | undefined;

  constructor(userMax: number, systemMax = SYSTEM_MAX) {
    this.#userMax = userMax;
    this.#systemMax = systemMax;
  }

  /** How far each lane is over its bound; none ever is (invariant 13). */
  get overrun(): number {
    const system = this.systemSize - this.#systemMax;
    return Math.max(0, system, this.userSize - this.#userMax, (this.#latest?.size ?? 0) - this.#userMax);
  }

  /** Returns whether it was taken; `coalesced` means that it replaced an older message of the same key. */
  push(envelope: Envelope, lane: Lane, key: string | undefined): 'queued' | 'coalesced' | 'full' {
    switch (lane) {
      case 'system':
        this.#system ??= new Queue();
        if (this.#system.length >= this.#systemMax) return 'full';
        this.#system.push(envelope);
        return 'queued';
      case 'user':
        this.#user ??= new Queue();
        if (this.#user.length >= this.#userMax) return 'full';
        this.#user.push(envelope);
        return 'queued';
      case 'latest': {
        this.#latest ??= new Map();
        const existed = this.#latest.has(key ?? '');
        if (!existed && this.#latest.size >= this.#userMax) return 'full';
        this.#latest.set(key ?? '', envelope);
        return existed ? 'coalesced' : 'queued';
      }
    }
  }

  /** The next message; with `held`, system messages only. */
  shift(held: boolean): Envelope | undefined {
    const system = this.#system?.shift();
    if (system) return system;
    this.#system = undefined;
    if (held) return undefined;
    const user = this.#user?.shift();
    if (user) return user;
    this.#user = undefined;
    return this.#shiftLatest();
  }

  #shiftLatest(): Envelope | undefined {
    if (!this.#latest) return undefined;
    for (const [key, envelope] of this.#latest) {
      this.#latest.delete(key);
      return envelope;
    }
    this.#latest = undefined;
    return undefined;
  }

  /** Puts a message back as the next one to be taken. */
  unshift(envelope: Envelope): void {
    this.#system ??= new Queue();
    this.#system.unshift(envelope);
  }

  hasWork(held: boolean): boolean {
    return this.systemSize > 0 || (!held && (this.userSize > 0 || (this.#latest?.size ?? 0) > 0));
  }

  get systemSize(): number {
    return this.#system?.length ?? 0;
  }

  get userSize(): number {
    return this.#user?.length ?? 0;
  }

  get size(): number {
    return this.systemSize + this.userSize + (this.#latest?.size ?? 0);
  }
}

/** A first-in, first-out queue. Only items from `#head` onward are live; the rest is cut off now and then. */
class Queue {
  #items: (Envelope | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(envelope: Envelope): void {
    this.#items.push(envelope);
  }

  shift(): Envelope | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head >= 1_024) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  unshift(envelope: Envelope): void {
    if (this.#head > 0) this.#items[--this.#head] = envelope;
    else this.#items.unshift(envelope);
  }
}
