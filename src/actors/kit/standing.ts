import type { SessionFinding } from '../../runtime/ports/revocations.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';

/**
 * The verdict on a good token once its session was looked up (JW5). An undefined finding means that the look-up failed;
 * it is repeated at the next heartbeat interval (JW3).
 */
export function judged(
  verdict: Verdict & { readonly ok: true },
  finding: SessionFinding | undefined,
): Verdict {
  if (finding === undefined) return verdict;
  const { standing, at, retryAfterMs } = finding;
  if (standing === 'ended') return { ok: false, message: 'the session was ended' };
  if (standing === 'undecided')
    return {
      ok: false,
      isUndecided: true,
      retryAfterMs,
      message: 'the user’s sessions were ended when the token was issued: a newer token is needed',
    };
  return { ok: true, claims: { ...verdict.claims, checkedAt: at } };
}
