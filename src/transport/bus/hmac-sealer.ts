import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { Sealer } from '../../runtime/ports/carrier.ts';

/** Length of an HMAC-SHA256 in base64url. */
const MAC_LENGTH = 43;

/** Seals texts with HMAC-SHA256 under a key of the cluster's secret (RC4). */
export class HmacSealer implements Sealer {
  readonly #key: KeyObject;
  /** Tells secrets apart, and tells nothing else of them: 40 bits of another key of the same secret. */
  readonly fingerprint: string;

  constructor(secret: string) {
    this.#key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', 'vagus between nodes', 32)));
    this.fingerprint = Buffer.from(hkdfSync('sha256', secret, '', 'vagus fingerprint', 5)).toString('hex');
  }

  seal(text: string): string {
    return `${this.#mac(text)} ${text}`;
  }

  open(sealed: string): string | undefined {
    if (sealed[MAC_LENGTH] !== ' ') return undefined;
    const text = sealed.slice(MAC_LENGTH + 1);
    const given = Buffer.from(sealed.slice(0, MAC_LENGTH), 'latin1');
    return timingSafeEqual(given, Buffer.from(this.#mac(text), 'latin1')) ? text : undefined;
  }

  #mac(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}
