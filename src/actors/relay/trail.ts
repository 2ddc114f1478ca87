import type { Entry, Mark, Place } from '../../runtime/ports/log-store.ts';

/** Marks that are kept, and how many of the newest stay side by side when older ones are thinned out. */
const MARKS_MAX = 64;
const DENSE = 32;

export interface Shown extends Mark {
  readonly seq: number;
}

/**
 * Which messages were shown last, and, ever more thinly, which before: so that it can be found from where on a log holds
 * something else, without keeping all of it. Ascending.
 */
export class Trail {
  #marks: Shown[] = [];

  get length(): number {
    return this.#marks.length;
  }

  at(index: number): Shown | undefined {
    return this.#marks[index];
  }

  add(entries: readonly Entry[]): void {
    for (const { seq, id, sender } of entries.slice(-MARKS_MAX)) this.#marks.push({ seq, id, sender });
    this.#thin();
  }

  /** Something that one alone was shown, or says that it was. */
  note({ seq, id, sender }: Shown): void {
    const at = this.#marks.findIndex((mark) => mark.seq >= seq);
    if (this.#marks[at]?.seq === seq) return;
    this.#marks.splice(at < 0 ? this.#marks.length : at, 0, { seq, id, sender });
    this.#thin();
  }

  #thin(): void {
    while (this.#marks.length > MARKS_MAX) {
      const dense = this.#marks.length - DENSE;
      this.#marks = this.#marks.filter((_, at) => at >= dense || at % 2 === 0);
    }
  }

  /** What is behind `seq` was lost. */
  cut(seq: number): void {
    this.#marks = this.#marks.filter((mark) => mark.seq <= seq);
  }

  /** Whether it was shown as something else. */
  contradicts({ seq, id, sender }: Shown): boolean {
    const known = this.#marks.find((mark) => mark.seq === seq);
    return known !== undefined && (known.id !== id || known.sender !== sender);
  }
}

/** Whether the log has what was shown. What it does not keep any more cannot be compared. */
export function isThere({ seq, id, sender }: Shown, { head, at }: Place): boolean {
  return seq <= head && (at === null || (at.id === id && at.sender === sender));
}
