import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Awaits } from '../../runtime/ports/actor.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import { LOG, type LogReply } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import { isThere, Trail } from './trail.ts';

export interface ProofContext extends Awaits<LogReply<Place>> {
  readonly for: 'proof';
  /** The number of the proof: a proof that began anew ignores answers to the one before. */
  readonly round: number;
}

/** The result: the highest seq up to which the log has what the relay showed, and the log's head. */
export interface Proven {
  readonly place: number;
  readonly head: number;
  /** False when the log has no shown message that the relay remembers: the relay knows nothing about earlier ones. */
  readonly isProven: boolean;
}

/**
 * Compares what a relay has shown with the log (D21). It looks up the newest message first, which is nearly always there. If
 * not, a binary search finds where the log differs: a log that lost its end is the same up to that place.
 *
 * - `#low` is the highest mark that the log has, `#high` the lowest that it lacks, as far as known.
 */
export class Proof {
  readonly trail = new Trail();
  readonly #channel: Channel;
  readonly #deadlineMs: number;
  /** Each proof raises it. */
  round = 0;
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

  /** `last`: the newest seq that the relay showed. */
  start(last: number, out: Effects): void {
    this.round++;
    this.#isRunning = true;
    this.#last = last;
    this.#low = -1;
    this.#high = this.trail.length;
    this.#ask(this.trail.length - 1, out);
  }

  #ask(index: number, out: Effects): void {
    this.#asked = index;
    const seq = this.trail.at(index)?.seq ?? this.#last;
    const context: ProofContext = { for: 'proof', round: this.round };
    out.ask(LOG, { type: 'place', channel: this.#channel, seq }, { deadlineMs: this.#deadlineMs, context });
  }

  /** Undefined while the proof goes on. `failed`: the caller has to start it again. */
  answered(
    { round }: ProofContext,
    answer: Answer<LogReply<Place>>,
    out: Effects,
  ): Proven | 'failed' | undefined {
    if (round !== this.round || !this.#isRunning) return undefined;
    if (!answer.ok || !answer.body.ok) return 'failed';
    const found = answer.body.value;
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
    // A relay that has shown nothing knows the head only.
    const before = (first?.seq ?? this.#last + 1) - 1;
    const proven = this.trail.at(this.#low)?.seq ?? before;
    const isProven = !first || this.#low >= 0 || before === 0;
    return { head, place: Math.min(head, isWhole ? this.#last : proven), isProven };
  }
}
