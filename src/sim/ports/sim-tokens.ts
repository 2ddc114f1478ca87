import type { Claims, TokenVerifier, Verdict } from '../../runtime/ports/tokens.ts';
import { simClaims } from '../kit/tokens.ts';
import type { Random } from '../kit/random.ts';
import type { Timeline } from '../kit/timeline.ts';

/** Checks tokens after a short time, against the process's own wall clock. */
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
