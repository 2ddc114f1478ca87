import type { Receipt } from './frame.ts';

/** One frame holds about this much, in UTF-16 code units; a larger message is alone in its frame. */
const FRAME_SIZE = 256 * 1_024;
/** The sizes of all frames under way, and of all messages that wait behind them, in the same units. */
const WINDOW_SIZE = 1_024 * 1_024;
const WAITING_SIZE = 4 * 1_024 * 1_024;

/** A frame without a receipt for this long is published again, and then after twice as long. */
const AGAIN_MS = 300;
const AGAIN_MAX_MS = 1_000;

/** After this long the link gives up what it holds. Every ask has ended by then. */
const GIVE_UP_MS = 10_000;

/** A frame that has left, or is about to. */
export interface Numbered {
  readonly life: number;
  readonly number: number;
  readonly isLossy: boolean;
  readonly lines: readonly string[];
}

interface Sent extends Numbered {
  readonly size: number;
  readonly at: number;
}

/**
 * What this process sends to one peer, in order and once, over a carrier that may lose (D13): frames have numbers, and what has
 * no receipt is published again.
 *
 * - At most one publication is under way. Messages that come meanwhile gather in the next.
 * - A link that gets no receipt for long gives up all that it holds, at once: a later message never arrives in place of an earlier one.
 *   It goes on in a new life, whose first frame says that something was lost.
 */
export class OutgoingLink {
  #life: number;
  #next = 1;
  #sent: Sent[] = [];
  #sentSize = 0;
  #waiting: string[] = [];
  #waitingSize = 0;
  #waitingSince = 0;
  /** The place in `sent` of the next frame to publish again; past its end there is none. */
  #again = 0;
  #againAt = Infinity;
  #againMs = AGAIN_MS;
  #isLossy = false;
  /** A publication is under way. */
  isUnderWay = false;

  /** `life`: higher than that of every link to the same peer before. */
  constructor(life = 1) {
    this.#life = life;
  }

  /** False when too much is waiting. */
  add(line: string, now: number): boolean {
    if (this.#waitingSize > 0 && this.#waitingSize + line.length > WAITING_SIZE) {
      this.lose();
      return false;
    }
    if (this.#waiting.length === 0) this.#waitingSince = now;
    this.#waiting.push(line);
    this.#waitingSize += line.length;
    return true;
  }

  /** A message was refused. The peer has to know if it was one that nothing else repeats. */
  lose(): void {
    this.#isLossy = true;
  }

  /** The frame to publish now; undefined when there is none. */
  next(now: number): Numbered | undefined {
    const again = this.#sent[this.#again];
    if (again) {
      this.#again++;
      return again;
    }
    if (this.#waiting.length === 0 && !this.#isLossy) return undefined;
    if (this.#sentSize > 0 && this.#sentSize + Math.min(this.#waitingSize, FRAME_SIZE) > WINDOW_SIZE)
      return undefined;
    const frame = this.#cut(now);
    this.#sent.push(frame);
    this.#again = this.#sent.length;
    this.#sentSize += frame.size;
    if (this.#againAt === Infinity) this.#againAt = now + this.#againMs;
    return frame;
  }

  #cut(now: number): Sent {
    let [count, size] = [0, 0];
    for (const line of this.#waiting) {
      if (count > 0 && size + line.length > FRAME_SIZE) break;
      count++;
      size += line.length;
    }
    const lines = count === this.#waiting.length ? this.#waiting : this.#waiting.slice(0, count);
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
    this.#waitingSize -= size;
    const at = count === 0 ? now : this.#waitingSince;
    this.#waitingSince = now;
    const isLossy = this.#isLossy;
    this.#isLossy = false;
    return { life: this.#life, number: this.#next++, isLossy, lines, size, at };
  }

  /** Takes a receipt; true when the peer has learned by it that something was lost. */
  receipt({ life, upTo, isMissing }: Receipt, now: number): boolean {
    if (life !== this.#life) return false;
    let count = 0;
    let hasLearned = false;
    for (const { number, isLossy, size } of this.#sent) {
      if (number > upTo) break;
      count++;
      this.#sentSize -= size;
      hasLearned ||= isLossy;
    }
    if (count > 0) {
      this.#sent = this.#sent.slice(count);
      this.#again = Math.max(0, this.#again - count);
      this.#againMs = AGAIN_MS;
      this.#againAt = this.#sent.length > 0 ? now + AGAIN_MS : Infinity;
    }
    // The first frame is missing: publishing it again may be all that is needed.
    if (isMissing && this.#again > 0 && this.#sent.length > 0) this.#publishAgain(now);
    return hasLearned;
  }

  /** Time has passed. True when the link has given up what it held. */
  tick(now: number): boolean {
    const oldest = this.#sent[0]?.at ?? (this.#waiting.length > 0 ? this.#waitingSince : Infinity);
    if (now - oldest >= GIVE_UP_MS) {
      this.#giveUp();
      return true;
    }
    if (now < this.#againAt || this.#sent.length === 0) return false;
    this.#publishAgain(now);
    return false;
  }

  #publishAgain(now: number): void {
    this.#again = 0;
    this.#againMs = Math.min(2 * this.#againMs, AGAIN_MAX_MS);
    this.#againAt = now + this.#againMs;
  }

  #giveUp(): void {
    this.#life++;
    this.#next = 1;
    this.#sent = [];
    this.#waiting = [];
    this.#sentSize = this.#waitingSize = this.#again = 0;
    this.#againAt = Infinity;
    this.#againMs = AGAIN_MS;
    this.#isLossy = true;
  }
}
