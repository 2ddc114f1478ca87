/** Names a run holds at most; then it becomes two. It bounds what one change moves. */
const RUN_MAX = 512;

/** A run that is shorter joins the next one when both fit into one: there are never many short ones. */
const RUN_MIN = RUN_MAX / 4;

/**
 * Names in the order of their UTF-16 code units, as `Array.sort` has it, kept sorted while they come and go.
 *
 * - `#runs` are sorted, none is empty, and each begins after the end of the one before.
 * - A change costs two searches and moves at most a run: it does not grow with how many names there are.
 */
export class SortedNames {
  readonly #runs: string[][] = [];

  constructor(names: Iterable<string>) {
    const sorted = [...names].toSorted();
    for (let from = 0; from < sorted.length; from += RUN_MAX / 2)
      this.#runs.push(sorted.slice(from, from + RUN_MAX / 2));
  }

  /** A name that is there is not added twice. */
  add(name: string): void {
    const at = this.#runOf(name);
    const run = this.#runs[at];
    if (!run) return void this.#runs.push([name]);
    const place = firstAfter(run, name);
    if (run[place - 1] === name) return;
    run.splice(place, 0, name);
    if (run.length > RUN_MAX) this.#runs.splice(at + 1, 0, run.splice(RUN_MAX / 2));
  }

  remove(name: string): void {
    const at = this.#runOf(name);
    const run = this.#runs[at];
    const place = run ? firstAfter(run, name) - 1 : -1;
    if (!run || run[place] !== name) return;
    run.splice(place, 1);
    if (run.length === 0) this.#runs.splice(at, 1);
    else if (run.length < RUN_MIN) this.#join(at, run);
  }

  #join(at: number, run: string[]): void {
    const next = this.#runs[at + 1];
    if (!next || run.length + next.length > RUN_MAX) return;
    run.push(...next);
    this.#runs.splice(at + 1, 1);
  }

  /** At most `max` names, those after `after`, and whether there are more. */
  page(
    after: string | undefined,
    max: number,
  ): { readonly names: readonly string[]; readonly more: boolean } {
    const names: string[] = [];
    let at = after === undefined ? 0 : this.#runOf(after);
    let from = after === undefined ? 0 : firstAfter(this.#runs[at] ?? [], after);
    // One more than is asked for: it tells whether there are more.
    for (let run = this.#runs[at]; run && names.length <= max; run = this.#runs[++at]) {
      for (const name of run.slice(from, from + max + 1 - names.length)) names.push(name);
      from = 0;
    }
    return { names: names.slice(0, max), more: names.length > max };
  }

  /** The run in which a name is, or would be: the last one that does not begin after it. */
  #runOf(name: string): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.[0] ?? '') <= name) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Where the names after `name` begin in a sorted list. */
function firstAfter(order: readonly string[], name: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle] as string) <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
