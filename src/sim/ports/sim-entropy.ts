import type { Entropy } from '../../runtime/ports/entropy.ts';
import type { Random } from '../kit/random.ts';

/** Randomness from the seed. */
export class SimEntropy implements Entropy {
  readonly #random: Random;
  readonly #wall: () => number;

  constructor(random: Random, wall: () => number) {
    this.#random = random;
    this.#wall = wall;
  }

  random(): number {
    return this.#random.next();
  }

  /** Version 7: 48 bits of time, then randomness. */
  uuid(): string {
    const time = this.#wall().toString(16).padStart(12, '0');
    const hex = (digits: number): string => {
      let text = '';
      while (text.length < digits) text += this.#random.bits().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    };
    const variant = '89ab'[this.#random.whole(0, 3)];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
  }
}
