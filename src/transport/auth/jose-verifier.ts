import { errors, jwtVerify, type JWTPayload } from 'jose';
import { SessionId, UserId } from '../../protocol/ids.ts';
import type { TokenVerifier, Verdict } from '../../runtime/ports/tokens.ts';

export interface VerifierOptions {
  /** Shared secret, 32 bytes or more (JW1). */
  readonly secret: Uint8Array;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The furthest away that `exp` may be (JW2). */
  readonly ttlMaxMs: number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/** The scope of who may do everything (RS4). */
const ADMIN_SCOPE = 'vagus:admin';

const LEEWAY_S = 5;

/** Checks tokens that were signed with a shared secret (JW1, JW2). Says what is wrong, never what the token holds. */
export class JoseVerifier implements TokenVerifier {
  readonly #options: VerifierOptions;

  constructor(options: VerifierOptions) {
    if (options.secret.byteLength < 32) throw new Error('the signing secret must have 32 bytes or more');
    this.#options = options;
  }

  verify(token: string, done: (verdict: Verdict) => void): void {
    void this.#verify(token).then(done);
  }

  async #verify(token: string): Promise<Verdict> {
    const { secret, issuer, audience, wall } = this.#options;
    try {
      const { payload } = await jwtVerify(token, secret, {
        algorithms: ['HS256', 'HS384', 'HS512'],
        requiredClaims: ['sub', 'exp'],
        clockTolerance: LEEWAY_S,
        currentDate: new Date(wall()),
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience === undefined ? {} : { audience }),
      });
      return this.#claims(payload);
    } catch (error) {
      return { ok: false, message: `the token is not valid: ${whyNot(error)}` };
    }
  }

  #claims(payload: JWTPayload): Verdict {
    const user = UserId.safeParse(payload.sub);
    if (!user.success) return { ok: false, message: 'the token is not valid: its sub is no user id' };
    const expiresAt = Math.floor((payload.exp ?? 0) * 1_000);
    if (expiresAt - this.#options.wall() > this.#options.ttlMaxMs + LEEWAY_S * 1_000) {
      return { ok: false, message: 'the token is not valid: its exp is too far away' };
    }
    const session = payload['sid'] ?? payload.jti;
    if (typeof session === 'string' && !SessionId.safeParse(session).success) {
      return { ok: false, message: 'the token is not valid: its sid or jti is not 1 to 256 characters' };
    }
    // A time in a token may have a fraction (RFC 7519, section 2); sessions are ended by the second.
    const issuedAt = payload.iat === undefined ? undefined : Math.floor(payload.iat);
    if (issuedAt !== undefined && !Number.isSafeInteger(issuedAt)) {
      return { ok: false, message: 'the token is not valid: its iat is out of range' };
    }
    const scopes = typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : [];
    return {
      ok: true,
      claims: {
        user: user.data,
        session: typeof session === 'string' ? session : undefined,
        isAdmin: scopes.includes(ADMIN_SCOPE),
        issuedAt,
        // Who is let in by the leeway has it: to be closed at once would be no leeway.
        expiresAt: expiresAt > this.#options.wall() ? expiresAt : expiresAt + LEEWAY_S * 1_000,
      },
    };
  }
}

function whyNot(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its ${error.claim} is missing or not accepted`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
  return 'it is malformed';
}
