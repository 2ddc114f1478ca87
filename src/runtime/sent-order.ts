interface Sent {
  readonly to: string;
  /** A tell that has arrived. */
  readonly hasArrived: boolean;
}

/**
 * Messages that have left for actors of the cluster and are not over, by actor, in the order in which they left.
 *
 * A tell is over when it has arrived and all before it is over: if the actor moves while an earlier ask is open, its next life
 * gets that ask, and has to get what came after it too.
 */
export class SentOrder<Item extends Sent> {
  readonly #byActor = new Map<string, Set<Item>>();

  add(sent: Item): void {
    const before = this.#byActor.get(sent.to);
    if (before) before.add(sent);
    else this.#byActor.set(sent.to, new Set([sent]));
  }

  /** Nothing that left before it is open. */
  isFirst(sent: Item): boolean {
    for (const first of this.#byActor.get(sent.to) ?? []) return first === sent;
    return true;
  }

  /** Returns the tells that have arrived and waited for this one only. */
  remove(sent: Item): readonly Item[] {
    const left = this.#byActor.get(sent.to);
    if (!left?.delete(sent)) return [];
    const over: Item[] = [];
    for (const next of left) {
      if (!next.hasArrived) break;
      left.delete(next);
      over.push(next);
    }
    if (left.size === 0) this.#byActor.delete(sent.to);
    return over;
  }

  all(): readonly Item[] {
    return [...this.#byActor.values()].flatMap((sent) => [...sent]);
  }
}
