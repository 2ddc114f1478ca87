/** Taken from the front this many at least before the rest moves up: then moving costs each item once. */
const GAP_MIN = 1_024;

/** First in, first out, however many wait: taking one costs the same with a hundred thousand behind it. */
export class WaitingLine<Item> {
  #items: Item[] = [];
  #first = 0;

  get size(): number {
    return this.#items.length - this.#first;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#first++];
    if (this.#first >= GAP_MIN && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }
}
