import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { errors, UnsecuredJWT, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { isShared } from '../../protocol/algorithms.ts';

/** The header of a token without a signature, as the claims' check wants it: `{"alg":"none"}`. */
const NO_SIGNATURE_HEADER = 'eyJhbGciOiJub25lIn0';

/**
 * Checks the tokens that a shared secret signs, on this thread: an HMAC of a token costs less than the way to a thread of
 * the pool and back, which is the only one that jose offers. The claims are jose's to check.
 */
export class SharedSecret {
  readonly #key: KeyObject;
  readonly #algorithms: ReadonlySet<string>;

  /** `algorithms`: the accepted ones, among them perhaps some that a secret cannot check. */
  constructor(secret: Uint8Array, algorithms: readonly string[]) {
    this.#key = createSecretKey(secret);
    this.#algorithms = new Set(algorithms.filter(isShared));
  }

  /**
   * The payload of a token that the secret has signed. Undefined when another check has to judge the token: it is
   * malformed, has extensions, or has an algorithm that the secret does not check. Throws jose's error when the signature
   * or a claim is wrong.
   */
  verify(token: string, checks: JWTVerifyOptions): JWTPayload | undefined {
    const parts = token.split('.');
    const [header = '', payload = '', signature = ''] = parts;
    const hash = parts.length === 3 ? this.#hashOf(header) : undefined;
    if (hash === undefined) return undefined;
    const right = createHmac(hash, this.#key).update(`${header}.${payload}`).digest('base64url');
    if (!isEqual(signature, right)) throw new errors.JWSSignatureVerificationFailed();
    return UnsecuredJWT.decode(`${NO_SIGNATURE_HEADER}.${payload}.`, checks).payload;
  }

  #hashOf(encoded: string): string | undefined {
    try {
      const header: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString());
      const { alg, crit } = header as { readonly alg?: unknown; readonly crit?: unknown };
      if (typeof alg !== 'string' || crit !== undefined || !this.#algorithms.has(alg)) return undefined;
      return `sha${alg.slice(-3)}`;
    } catch {
      return undefined;
    }
  }
}

/** As texts: a signature has one encoding, and every other one is wrong. */
function isEqual(signature: string, right: string): boolean {
  const [one, other] = [Buffer.from(signature), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
