import type { Frame, Receipt } from './frame.ts';

/** Frames that came too early and are kept, and their size in UTF-16 code units. Others come again. */
const EARLY_MAX = 64;
const EARLY_SIZE = 2 * 1_024 * 1_024;

/** What a frame brought. */
export interface Taken {
  /** Messages, in order, that had not come before. */
  readonly lines: readonly string[];
  /** Something was lost before them. */
  readonly isHole: boolean;
  /** It is the first that came too early: the peer should know what is missing. */
  readonly isFirstEarly?: boolean;
}

const NOTHING: Taken = { lines: [], isHole: false };

/** Frames of one peer. The link puts them into their order, and drops those that came before. */
export class IncomingLink {
  #life = 0;
  #upTo = 0;
  readonly #early = new Map<number, Frame>();
  #earlySize = 0;
  /** The peer waits for a receipt. */
  isReceiptDue = false;

  get receipt(): Receipt {
    return { life: this.#life, upTo: this.#upTo, isMissing: this.#early.size > 0 };
  }

  take(frame: Frame): Taken {
    const { life, number } = frame;
    // A receipt alone; or the sender has given it up long ago.
    if (number === 0 || life < this.#life) return NOTHING;
    this.isReceiptDue = true;
    if (life > this.#life) this.#begin(life);
    if (number <= this.#upTo) return NOTHING;
    if (number > this.#upTo + 1) {
      const isFirstEarly = this.#early.size === 0;
      this.#keep(frame);
      return { ...NOTHING, isFirstEarly };
    }
    return this.#advance(frame);
  }

  /** A peer begins a new life only after it has given something up, which its first frame says. */
  #begin(life: number): void {
    this.#life = life;
    this.#upTo = 0;
    this.#early.clear();
    this.#earlySize = 0;
  }

  #keep(frame: Frame): void {
    const size = sizeOf(frame);
    if (this.#early.has(frame.number) || this.#early.size >= EARLY_MAX || this.#earlySize + size > EARLY_SIZE)
      return;
    this.#early.set(frame.number, frame);
    this.#earlySize += size;
  }

  #advance(first: Frame): Taken {
    const lines: string[] = [];
    let isHole = false;
    for (let frame: Frame | undefined = first; frame; frame = this.#early.get(this.#upTo + 1)) {
      if (this.#early.delete(frame.number)) this.#earlySize -= sizeOf(frame);
      this.#upTo = frame.number;
      isHole ||= frame.isLossy;
      lines.push(...frame.lines);
    }
    return { lines, isHole };
  }
}

function sizeOf({ lines }: Frame): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
