import type { Claims, TokenVerifier, Verdict } from '../runtime/ports/tokens.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** A token of the simulation: its claims in the form of a JWT, whose end a client can read. */
export function simToken(claims: Claims): string {
  const payload = JSON.stringify({ ...claims, exp: claims.expiresAt / 1_000 });
  return `sim.${Buffer.from(payload).toString('base64url')}.`;
}

/** What a token of the simulation says. Throws for what is none. */
function simClaims(token: string): Claims {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { exp: _, ...claims } = JSON.parse(payload) as Claims & { exp: number };
  return claims;
}

/** Checks tokens as any verifier does: after a moment, and against the process's own wall clock. */
export class SimTokens implements TokenVerifier {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #wall: () => number;
  readonly #enter: (run: () => void) => void;

  constructor(parts: {
    readonly timeline: Timeline;
    readonly random: Random;
    readonly wall: () => number;
    readonly enter: (run: () => void) => void;
  }) {
    this.#timeline = parts.timeline;
    this.#random = parts.random;
    this.#wall = parts.wall;
    this.#enter = parts.enter;
  }

  verify(token: string, done: (verdict: Verdict) => void): void {
    const verdict = this.#judge(token);
    this.#timeline.after(this.#random.delay(0.05, 0.5), () => this.#enter(() => done(verdict)));
  }

  #judge(token: string): Verdict {
    let claims: Claims;
    try {
      claims = simClaims(token);
    } catch {
      return { ok: false, message: 'the token is not valid: it is malformed' };
    }
    if (claims.expiresAt <= this.#wall())
      return { ok: false, message: 'the token is not valid: it has expired' };
    return { ok: true, claims };
  }
}

export function isAdminToken(token: unknown): boolean {
  return typeof token === 'string' && simClaims(token).isAdmin;
}
