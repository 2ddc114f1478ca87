import type { Lane } from './ports/actor.ts';
import type { Timer } from './timers.ts';

/** A message with what the runtime needs to know about it. */
export interface Envelope {
  readonly from: string;
  readonly message: unknown;
  /** The ask to answer; 0 for a tell. */
  readonly ask: number;
  /** When the asker stops waiting; infinite for a tell. */
  readonly deadline: number;
  /** The timer that this message reports. The message counts only if the timer was not disarmed meanwhile. */
  readonly timer: Timer | undefined;
  /** The generation of the actor that this result, or message of another node, is for; negative for any. */
  readonly generation: number;
  /** How often an actor has crashed over this message (D5). */
  crashes: number;
}

/** The lane of a message that names none. */
export const DEFAULT_LANE: Lane = 'system';

/** The envelope is for any generation of the actor. */
export const ANY_GENERATION = -1;

export function envelopeOf(from: string, message: unknown, generation = ANY_GENERATION): Envelope {
  return { from, message, ask: 0, deadline: Infinity, timer: undefined, generation, crashes: 0 };
}

/** A request, which the actor that asks waits for until `deadline`. */
export function requestOf(
  from: string,
  message: unknown,
  { id, deadline }: { readonly id: number; readonly deadline: number },
  generation = ANY_GENERATION,
): Envelope {
  return { from, message, ask: id, deadline, timer: undefined, generation, crashes: 0 };
}

/**
 * System messages that may wait, for kinds that set no bound of their own. Asks, timers and subscriptions bound them,
 * summed over the node where many actors send to one. More than that is a bug.
 */
const SYSTEM_MAX = 262_144;

/** A message in a mailbox. */
interface Waiting {
  readonly envelope: Envelope;
  readonly lane: Lane;
  readonly key: string | undefined;
}

/**
 * The bounded queue of one actor (D4).
 *
 * - It yields system messages before user messages, and each lane in order.
 * - It holds at most `userMax` user messages. It refuses one more and never drops any. System messages have a bound too.
 * - The `latest` lane keeps one message per key. A newer message takes the older one's place in the queue.
 * - An empty mailbox uses no memory beyond its own few fields, because most actors are idle.
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

  /** How far each lane is over its bound, which must never be (invariant 13). */
  get overrun(): number {
    const system = this.systemSize - this.#systemMax;
    return Math.max(0, system, this.userSize - this.#userMax, (this.#latest?.size ?? 0) - this.#userMax);
  }

  /** Whether the message was accepted. `coalesced` means that it replaced an older message with the same key. */
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

  /** The next message. With `held` it yields system messages only. */
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

  /** Empties it, in the order in which it yields messages. Each keeps its lane. */
  *takeAll(): Generator<Waiting> {
    const system = this.#system;
    for (let envelope = system?.shift(); envelope; envelope = system?.shift())
      yield { envelope, lane: 'system', key: undefined };
    yield* this.#takeUser();
  }

  *#takeUser(): Generator<Waiting> {
    const user = this.#user;
    for (let envelope = user?.shift(); envelope; envelope = user?.shift())
      yield { envelope, lane: 'user', key: undefined };
    for (const [key, envelope] of this.#latest ?? []) {
      this.#latest?.delete(key);
      yield { envelope, lane: 'latest', key };
    }
  }

  /**
   * Takes the user messages that any life of the actor may have, in their order. System messages stay, and so do messages of
   * other nodes for this life.
   */
  takeFree(): readonly Waiting[] {
    const free: Waiting[] = [];
    const kept = new Queue();
    for (const waiting of this.#takeUser())
      if (waiting.envelope.generation === ANY_GENERATION) free.push(waiting);
      else kept.push(waiting.envelope);
    this.#user = kept.length > 0 ? kept : undefined;
    return free;
  }

  /** Puts a message back at the front. */
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

/** A first-in, first-out queue. Only the items from `#head` on are live. It cuts off the others now and then. */
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
