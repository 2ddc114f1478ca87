import { randomFillSync } from 'node:crypto';
import type { Entropy } from '../runtime/ports/entropy.ts';

/** The machine's randomness. */
export class SystemEntropy implements Entropy {
  readonly #bytes = Buffer.allocUnsafe(16);

  random(): number {
    return Math.random();
  }

  /** Version 7 (RFC 9562, section 5.7): 48 bits of time, then randomness, so that ids made later sort later. */
  uuid(): string {
    const bytes = randomFillSync(this.#bytes);
    bytes.writeUIntBE(Date.now(), 0, 6);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const hex = bytes.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** Names one incarnation of a node: its start in milliseconds and 40 random bits, so that no two share a name (D7). */
export function newIncarnation(): string {
  const random = randomFillSync(Buffer.allocUnsafe(5)).readUIntBE(0, 5);
  return Date.now().toString(36) + random.toString(36).padStart(8, '0');
}
