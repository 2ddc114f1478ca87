/** FNV-1a: a name as 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** One round of MurmurHash3 (32 bits): public domain, and every bit of the input reaches every bit of the output. */
function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h ^ (h >>> 13), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Random numbers as a hash of (seed, stream, entity, counter) (D18). The numbers of one stream do not depend on how many
 * another has used. Removing a fault therefore leaves the rest of a run unchanged.
 */
export class Random {
  readonly #base: number;
  #counter = 0;

  /** `seed` is a whole number from 0 to 2^53. */
  constructor(seed: number, stream: string, entity = '') {
    const halves = mix(mix(0, seed >>> 0), Math.floor(seed / 0x1_0000_0000) >>> 0);
    this.#base = mix(mix(halves, hashText(stream)), hashText(entity));
  }

  /** 32 random bits. */
  bits(): number {
    return finish(mix(this.#base, this.#counter++));
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number {
    return this.bits() / 0x1_0000_0000;
  }

  /** A whole number from `from` to `to`, both inclusive. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Milliseconds from `from` to `to`, in whole microseconds. */
  delay(from: number, to: number): number {
    return this.whole(from * 1_000, to * 1_000) / 1_000;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<Value>(values: readonly Value[]): Value {
    if (values.length === 0) throw new Error('there is nothing to pick from');
    return values[Math.floor(this.next() * values.length)] as Value;
  }
}
