import type { Mark, Place } from '../../runtime/ports/log-store.ts';

/** The number of marks, and how many of the newest stay when every second older one goes. */
const MARKS_MAX = 64;
const DENSE = 32;

export interface Shown extends Mark {
  readonly seq: number;
}

/**
 * The messages that the relay showed last, and fewer and fewer of those before. They are enough to find where a log differs.
 * In ascending order.
 */
export class Trail {
  #marks: Shown[] = [];

  get length(): number {
    return this.#marks.length;
  }

  at(index: number): Shown | undefined {
    return this.#marks[index];
  }

  add(entries: readonly Shown[]): void {
    for (const { seq, id, sender } of entries.slice(-MARKS_MAX)) this.#marks.push({ seq, id, sender });
    this.#thin();
  }

  /** A message that a single subscriber got, or claims to have got. */
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

  /** The log has lost the messages after `seq`. */
  cut(seq: number): void {
    this.#marks = this.upTo(seq);
  }

  upTo(seq: number): Shown[] {
    return this.#marks.filter((mark) => mark.seq <= seq);
  }

  /** Whether the relay showed another message at its seq. */
  contradicts({ seq, id, sender }: Shown): boolean {
    const shown = this.#marks.find((mark) => mark.seq === seq);
    return shown !== undefined && (shown.id !== id || shown.sender !== sender);
  }
}

/** Whether the log has the shown message. A message that retention has removed counts as present. */
export function isThere({ seq, id, sender }: Shown, { head, at }: Place): boolean {
  return seq <= head && (at === null || (at.id === id && at.sender === sender));
}
