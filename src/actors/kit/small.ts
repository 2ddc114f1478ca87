/**
 * A map that keeps up to two entries in itself. A `Map` takes 184 bytes for them (V8 11.3), this one 72. Most users have one
 * device, in one place, and an idle connection is on two channels. From the third entry on it is a `Map`.
 */
export class SmallMap<Key extends string | number, Value> {
  #key: Key | undefined;
  #value: Value | undefined;
  /** Never there without the first. */
  #nextKey: Key | undefined;
  #nextValue: Value | undefined;
  #map: Map<Key, Value> | undefined;

  get size(): number {
    if (this.#map) return this.#map.size;
    return this.#nextKey !== undefined ? 2 : this.#key !== undefined ? 1 : 0;
  }

  has(key: Key): boolean {
    return this.#map?.has(key) ?? (this.#key === key || this.#nextKey === key);
  }

  get(key: Key): Value | undefined {
    if (this.#map) return this.#map.get(key);
    if (this.#key === key) return this.#value;
    return this.#nextKey === key ? this.#nextValue : undefined;
  }

  set(key: Key, value: Value): void {
    if (this.#map) this.#map.set(key, value);
    else if (this.#key === undefined || this.#key === key) this.#keep(key, value);
    else if (this.#nextKey === undefined || this.#nextKey === key) this.#keepNext(key, value);
    else {
      this.#map = new Map(this).set(key, value);
      this.#keep(undefined, undefined);
      this.#keepNext(undefined, undefined);
    }
  }

  delete(key: Key): boolean {
    if (this.#map) {
      const wasThere = this.#map.delete(key);
      if (this.#map.size === 0) this.#map = undefined;
      return wasThere;
    }
    if (this.#key === key) this.#keep(this.#nextKey, this.#nextValue);
    else if (this.#nextKey !== key) return false;
    this.#keepNext(undefined, undefined);
    return true;
  }

  #keep(key: Key | undefined, value: Value | undefined): void {
    this.#key = key;
    this.#value = value;
  }

  #keepNext(key: Key | undefined, value: Value | undefined): void {
    this.#nextKey = key;
    this.#nextValue = value;
  }

  #entries(): [Key, Value][] {
    const entries: [Key, Value][] = [];
    if (this.#key !== undefined) entries.push([this.#key, this.#value as Value]);
    if (this.#nextKey !== undefined) entries.push([this.#nextKey, this.#nextValue as Value]);
    return entries;
  }

  /** An entry that is added while this is iterated over may not be seen. The same holds for the others. */
  keys(): IterableIterator<Key> {
    return (
      this.#map?.keys() ??
      this.#entries()
        .map(([key]) => key)
        .values()
    );
  }

  values(): IterableIterator<Value> {
    return (
      this.#map?.values() ??
      this.#entries()
        .map(([, value]) => value)
        .values()
    );
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map?.entries() ?? this.#entries().values();
  }
}

/** A set that keeps up to two items in itself, as {@link SmallMap}. A `Set` takes 152 bytes for them, this one 48. */
export class SmallSet<Item extends string | number> {
  #item: Item | undefined;
  /** Never there without the first. */
  #next: Item | undefined;
  #set: Set<Item> | undefined;

  has(item: Item): boolean {
    return this.#set?.has(item) ?? (this.#item === item || this.#next === item);
  }

  add(item: Item): void {
    if (this.#set) this.#set.add(item);
    else if (this.#item === undefined || this.#item === item) this.#item = item;
    else if (this.#next === undefined || this.#next === item) this.#next = item;
    else {
      this.#set = new Set([this.#item, this.#next, item]);
      this.#item = undefined;
      this.#next = undefined;
    }
  }

  delete(item: Item): boolean {
    if (this.#set) {
      const wasThere = this.#set.delete(item);
      if (this.#set.size === 0) this.#set = undefined;
      return wasThere;
    }
    if (this.#item === item) this.#item = this.#next;
    else if (this.#next !== item) return false;
    this.#next = undefined;
    return true;
  }

  /** As of {@link SmallMap}. */
  [Symbol.iterator](): IterableIterator<Item> {
    return this.#set?.values() ?? [this.#item, this.#next].filter((item) => item !== undefined).values();
  }
}
