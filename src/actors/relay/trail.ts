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
    for (const { seq, id, sender, at } of entries.slice(-MARKS_MAX))
      this.#marks.push({ seq, id, sender, at });
    this.#thin();
  }

  /** A message that a single subscriber got, or claims to have got. */
  note({ seq, id, sender, at }: Shown): void {
    const index = this.#marks.findIndex((mark) => mark.seq >= seq);
    if (this.#marks[index]?.seq === seq) return;
    this.#marks.splice(index < 0 ? this.#marks.length : index, 0, { seq, id, sender, at });
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
  contradicts(entry: Shown): boolean {
    const shown = this.#marks.find((mark) => mark.seq === entry.seq);
    return shown !== undefined && !isSame(shown, entry);
  }
}

/** Whether the log has the shown message. A message that retention has removed counts as present. */
export function isThere(shown: Shown, { head, at }: Place): boolean {
  return shown.seq <= head && (at === null || isSame(shown, at));
}

function isSame(one: Mark, other: Mark): boolean {
  return one.id === other.id && one.sender === other.sender && one.at === other.at;
}
