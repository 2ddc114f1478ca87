import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions } from 'jose';
import { SessionId, UserId } from '../../protocol/ids.ts';
import type { TokenVerifier, Verdict } from '../../runtime/ports/tokens.ts';
import {
  acceptedAlgorithms,
  checkAlgorithms,
  isShared,
  SECRET_BYTES_MIN,
} from '../../protocol/algorithms.ts';
import { openKeySource } from './key-sources.ts';
import { KeySet, KeysUnavailable, type KeyLimits } from './keys.ts';
import { SharedSecret } from './shared-secret.ts';

export interface VerifierOptions {
  /** Shared secret of HS256, HS384 and HS512, of at least `SECRET_BYTES_MIN` (JW1). */
  readonly secret: Uint8Array | undefined;
  /** URL or file of the public keys of all other algorithms (JW1). */
  readonly jwks: string | undefined;
  /** The algorithms to accept; empty for all that secret and JWKS can check. */
  readonly algorithms: readonly string[];
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** How far in the future `exp` may be (JW2). */
  readonly ttlMaxMs: number;
  /** Whether a verdict includes the token's payload, for hooks; default false. */
  readonly keepsPayload?: boolean;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Replaces the limits that fit a URL or a file. */
  readonly keyLimits?: Partial<KeyLimits>;
  /** The keys could not be fetched. Earlier ones remain in use. It is called once per attempt, at most once a second. */
  readonly onKeysFailed?: (error: Error) => void;
}

/** The scope of an admin, who may do everything (RS4). */
const ADMIN_SCOPE = 'vagus:admin';

const LEEWAY_S = 5;

/** A schema that is made for each token costs more than the check. */
const NamedSession = SessionId.optional();

/** UTF-16 units of a payload kept as text. No token that fits a header has more; one of a `refresh` may. */
const PAYLOAD_MAX = 16 * 1_024;

/**
 * Checks signed tokens (JW1, JW2). It reports what is wrong, never what the token contains. The secret serves only HS
 * algorithms, and keys of the JWKS all others: if a client could choose, it could sign with a public key as the secret. A
 * verdict takes at most as long as one fetch of keys, 3 s.
 */
export class JoseVerifier implements TokenVerifier {
  readonly #options: VerifierOptions;
  readonly #checks: JWTVerifyOptions;
  readonly #secret: SharedSecret | undefined;
  readonly #keys: KeySet | undefined;

  /** Throws an error that says what to change: no key at all, a weak secret, a wrong algorithm or JWKS. */
  constructor(options: VerifierOptions) {
    const { secret, jwks, algorithms, issuer, audience, now } = options;
    const means = { hasSecret: secret !== undefined, hasJwks: jwks !== undefined };
    const complaint = checkAlgorithms(algorithms, means);
    if (complaint !== undefined) throw new Error(complaint);
    if (secret && secret.byteLength < SECRET_BYTES_MIN)
      throw new Error(`the signing secret must have ${SECRET_BYTES_MIN} bytes or more`);
    this.#options = options;
    const accepted = acceptedAlgorithms(algorithms, means);
    this.#secret = secret && new SharedSecret(secret, accepted);
    this.#checks = {
      algorithms: accepted,
      requiredClaims: ['sub', 'exp'],
      clockTolerance: LEEWAY_S,
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
    if (jwks === undefined) return;
    const { source, limits } = openKeySource(jwks);
    this.#keys = new KeySet({
      source,
      limits: { ...limits, ...options.keyLimits },
      now,
      onFailed: (error) => options.onKeysFailed?.(error),
    });
  }

  verify(token: string, done: (verdict: Verdict) => void): void {
    void this.#verify(token).then(done);
  }

  async #verify(token: string): Promise<Verdict> {
    try {
      return this.#claims(await this.#payload(token));
    } catch (error) {
      if (error instanceof KeysUnavailable) {
        return { ok: false, isUndecided: true, message: 'the token cannot be checked right now' };
      }
      return { ok: false, message: `the token is not valid: ${whyNot(error)}` };
    }
  }

  async #payload(token: string): Promise<JWTPayload> {
    const checks = { ...this.#checks, currentDate: new Date(this.#options.wall()) };
    const signed = this.#secret?.verify(token, checks);
    if (signed) return signed;
    try {
      return (await jwtVerify(token, this.#keyOf, checks)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // A token without a key id may be signed with any fitting key.
      for await (const key of error) {
        const tried = await jwtVerify(token, key, checks).catch(onlyWrongSignature);
        if (tried) return tried.payload;
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }

  /** jose calls it for accepted algorithms only, so a secret or a JWKS exists. A secret it gets for odd tokens alone. */
  readonly #keyOf: JWTVerifyGetKey = (header, token) => {
    const { secret } = this.#options;
    if (isShared(header.alg)) {
      if (secret) return secret;
    } else if (this.#keys) {
      return this.#keys.find(header, token);
    }
    throw new Error(`there is nothing to check ${header.alg} with`);
  };

  #claims(payload: JWTPayload): Verdict {
    const user = UserId.safeParse(payload.sub);
    if (!user.success) return { ok: false, message: 'the token is not valid: its sub is no user id' };
    const { exp = 0, iat: issuedAt } = payload;
    const wrong = this.#wrongTime(exp, issuedAt);
    if (wrong !== undefined) return { ok: false, message: `the token is not valid: ${wrong}` };
    const expiresAt = Math.floor(exp * 1_000);
    // The server could never end a session whose name it does not understand (JW5).
    const named: unknown = payload['sid'] === undefined ? payload.jti : payload['sid'];
    const session = NamedSession.safeParse(named);
    if (!session.success) {
      return { ok: false, message: 'the token is not valid: its sid or jti is not 1 to 256 characters' };
    }
    const text = this.#options.keepsPayload ? JSON.stringify(payload) : undefined;
    if (text !== undefined && text.length > PAYLOAD_MAX) {
      return { ok: false, message: 'the token is not valid: its claims are too long' };
    }
    const scopes = typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : [];
    return {
      ok: true,
      claims: {
        user: user.data,
        session: session.data,
        isAdmin: scopes.includes(ADMIN_SCOPE),
        payload: text,
        issuedAt,
        // A token accepted within the leeway lives until its end. To close its connection at once would defeat the leeway.
        expiresAt: expiresAt > this.#options.wall() ? expiresAt : expiresAt + LEEWAY_S * 1_000,
      },
    };
  }

  /**
   * The fault in a token's times, its expiry apart; undefined when they are right. A time may have a fraction (RFC
   * 7519, section 2).
   */
  #wrongTime(exp: number, issuedAt: number | undefined): string | undefined {
    const now = this.#options.wall() / 1_000;
    const ttlMax = this.#options.ttlMaxMs / 1_000;
    // Otherwise a token that lives for years would be accepted once little of its life is left.
    if (issuedAt === undefined) return exp - now > ttlMax + LEEWAY_S ? 'its exp is too far away' : undefined;
    if (!(Math.abs(issuedAt) <= Number.MAX_SAFE_INTEGER)) return 'its iat is out of range';
    if (issuedAt > now + LEEWAY_S) return 'its iat is in the future';
    return exp - issuedAt > ttlMax ? 'its exp is too far from its iat' : undefined;
  }
}

function onlyWrongSignature(error: unknown): undefined {
  if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
}

function whyNot(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its ${error.claim} is missing or not accepted`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  if (error instanceof errors.JWKSNoMatchingKey) return 'there is no such key';
  // The fault is not in the token: a key may be too short, for instance.
  if (!(error instanceof errors.JOSEError)) return 'its key cannot be used';
  return 'it is malformed';
}
