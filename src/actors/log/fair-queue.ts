interface Queue<Item> {
  readonly user: string;
  readonly items: Item[];
  /** Bytes that it may still have in this round; below 0 it has had more than its part. */
  deficit: number;
}

/** The bytes of each user in a round. */
const QUANTUM = 64 * 1024;

/**
 * Pages that wait, of many users, in turn by their bytes: deficit round robin (Shreedhar and Varghese, 1995), except
 * that the size of a page is known only once it has been read. Until then it counts as the most it may be.
 */
export class FairQueue<Item> {
  /** In the order of their turns; each with something that waits. */
  readonly #ring = new Map<string, Queue<Item>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  waitingOf(user: string): number {
    return this.#ring.get(user)?.items.length ?? 0;
  }

  add(user: string, item: Item): void {
    const queue = this.#ring.get(user) ?? { user, items: [], deficit: 0 };
    queue.items.push(item);
    this.#ring.set(user, queue);
    this.#size++;
  }

  /** The next one whose turn it is; `bytesOf`: what it counts for until its size is known. */
  next(bytesOf: (item: Item) => number): Item | undefined {
    for (;;) {
      const [queue] = this.#ring.values();
      if (!queue) return undefined;
      this.#ring.delete(queue.user);
      if (queue.deficit <= 0) queue.deficit += QUANTUM;
      const item = queue.deficit > 0 ? queue.items.shift() : undefined;
      if (item !== undefined) {
        queue.deficit -= bytesOf(item);
        this.#size--;
      }
      // The user goes behind all others. One without pages that wait starts anew with the next.
      if (queue.items.length > 0) this.#ring.set(queue.user, queue);
      if (item !== undefined) return item;
    }
  }

  /** It was smaller than it might have been. */
  putRight(user: string, bytes: number): void {
    const queue = this.#ring.get(user);
    if (queue) queue.deficit = Math.min(QUANTUM, queue.deficit + bytes);
  }

  drain(): readonly Item[] {
    const all = [...this.#ring.values()].flatMap(({ items }) => items);
    this.#ring.clear();
    this.#size = 0;
    return all;
  }
}
