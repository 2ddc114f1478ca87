import type { Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import { LOG, type LogReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { isThere, Trail } from './trail.ts';

export interface ProofContext {
  readonly for: 'proof';
  /** Of which proof: one that was begun anew has no use for answers to the one before. */
  readonly round: number;
}

/** The highest place up to which what was shown is in the log, and how far the log goes. */
export interface Proven {
  readonly place: number;
  readonly head: number;
  /** False when nothing that was shown is there: what was before it nobody here knows. */
  readonly isProven: boolean;
}

/**
 * Holds what a relay has shown against the log (D21). The newest is looked at first, and is nearly always there; if not,
 * the place from which the log holds something else is found by halving, since a log that lost its end is the same up to there.
 *
 * - `#low` is the highest mark that is known to be there, `#high` the lowest that is known not to be.
 */
export class Proof {
  readonly trail = new Trail();
  readonly #channel: Channel;
  readonly #deadlineMs: number;
  #round = 0;
  #isRunning = false;
  #last = 0;
  #low = -1;
  #high = 0;
  #asked = 0;

  constructor(channel: Channel, deadlineMs: number) {
    this.#channel = channel;
    this.#deadlineMs = deadlineMs;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** `last`: the newest seq that was shown. */
  start(last: number, out: Outbox): void {
    this.#round++;
    this.#isRunning = true;
    this.#last = last;
    this.#low = -1;
    this.#high = this.trail.length;
    this.#ask(this.trail.length - 1, out);
  }

  #ask(index: number, out: Outbox): void {
    this.#asked = index;
    const seq = this.trail.at(index)?.seq ?? this.#last;
    const context: ProofContext = { for: 'proof', round: this.#round };
    out.ask(LOG, { type: 'place', channel: this.#channel, seq }, { deadlineMs: this.#deadlineMs, context });
  }

  /** Undefined while it goes on. `failed`: it is to be begun anew. */
  answered({ round }: ProofContext, answer: Answer<unknown>, out: Outbox): Proven | 'failed' | undefined {
    if (round !== this.#round || !this.#isRunning) return undefined;
    const read = answer as Answer<LogReply<Place>>;
    if (!read.ok || !read.body.ok) return 'failed';
    const found = read.body.value;
    const mark = this.trail.at(this.#asked);
    const isProven = mark ? isThere(mark, found) : this.#last <= found.head;
    if (isProven) this.#low = this.#asked;
    else this.#high = Math.max(0, this.#asked);
    if (this.#high - this.#low > 1) {
      this.#ask((this.#low + this.#high) >> 1, out);
      return undefined;
    }
    return this.#ended(found.head);
  }

  #ended(head: number): Proven {
    this.#isRunning = false;
    const isWhole = this.#low === this.trail.length - 1;
    const first = this.trail.at(0);
    // Where nothing was shown nothing is known but how far the log goes.
    const before = (first?.seq ?? this.#last + 1) - 1;
    const proven = this.trail.at(this.#low)?.seq ?? before;
    const isProven = !first || this.#low >= 0 || before === 0;
    return { head, place: Math.min(head, isWhole ? this.#last : proven), isProven };
  }
}
