import { describe, expect, test } from 'vitest';
import type { Claims, TokenVerifier, Verdict } from '../../src/runtime/ports/tokens.ts';

export interface TokensUnderTest {
  readonly verifier: TokenVerifier;
  /** Milliseconds since 1970, as the verifier sees it; a whole second. */
  readonly now: number;
  sign(claims: Claims): Promise<string> | string;
  /** Runs what has to run until something is answered. */
  settle(): Promise<void> | void;
}

/** What every verifier promises (ports/tokens.ts). */
export function tokensContract(name: string, make: () => TokensUnderTest): void {
  describe(`token verifier contract: ${name}`, () => {
    const verify = async (under: TokensUnderTest, token: string): Promise<Verdict> => {
      const verdicts: Verdict[] = [];
      under.verifier.verify(token, (verdict) => verdicts.push(verdict));
      while (verdicts.length === 0) await under.settle();
      await under.settle();
      expect(verdicts).toHaveLength(1);
      return verdicts[0] as Verdict;
    };
    const claims = (now: number, rest: Partial<Claims> = {}): Claims => ({
      user: 'ann',
      session: 's1',
      isAdmin: false,
      issuedAt: now / 1_000,
      expiresAt: now + 60_000,
      ...rest,
    });

    test('[JW2] a good token says who it is', async () => {
      const under = make();
      const said = claims(under.now);
      expect(await verify(under, await under.sign(said))).toEqual({ ok: true, claims: said });
    });

    test('[JW2] the answer never comes before the question has been asked', async () => {
      const under = make();
      const token = await under.sign(claims(under.now));
      let isAnswered = false;
      under.verifier.verify(token, () => (isAnswered = true));
      expect(isAnswered).toBe(false);
    });

    test('[JW2] one that is over is refused', async () => {
      const under = make();
      const token = await under.sign(claims(under.now, { expiresAt: under.now - 60_000 }));
      expect(await verify(under, token)).toEqual({
        ok: false,
        message: 'the token is not valid: it has expired',
      });
    });

    test.each(['', 'nonsense', 'a.b.c'])('[JW2] %j is refused', async (token) => {
      expect(await verify(make(), token)).toEqual({
        ok: false,
        message: 'the token is not valid: it is malformed',
      });
    });
  });
}
