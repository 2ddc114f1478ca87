/** The limits of a supervisor, with the arithmetic behind the defaults (D5). */
export interface SupervisionLimits {
  /** The first restart comes after this long, each further one after twice as long… */
  readonly backoffMs: number;
  /** …up to this: the supervisor tries a room that cannot start twice a minute. */
  readonly backoffMaxMs: number;
  /** This many crashes… */
  readonly crashesMax: number;
  /** …within this time are a bug that a restart does not cure. */
  readonly windowMs: number;
  /** How long a quarantined actor refuses every message before its next try. */
  readonly quarantineMs: number;
}

const SUPERVISION: SupervisionLimits = {
  backoffMs: 200,
  backoffMaxMs: 30_000,
  crashesMax: 5,
  windowMs: 60_000,
  quarantineMs: 30_000,
};

/** After this many crashes over a message the supervisor does not deliver it again. */
export const POISON_CRASHES = 2;

export type Verdict = {
  readonly status: 'restarting' | 'quarantined';
  readonly delayMs: number;
  readonly crashedAt: number[];
};

/** Decides about a crash at `now`, from the earlier ones. */
export function judge(
  crashedAt: readonly number[],
  now: number,
  limits: SupervisionLimits = SUPERVISION,
): Verdict {
  const recent = [...crashedAt.filter((at) => now - at < limits.windowMs), now];
  if (recent.length >= limits.crashesMax)
    return { status: 'quarantined', delayMs: limits.quarantineMs, crashedAt: [] };
  const delayMs = Math.min(limits.backoffMaxMs, limits.backoffMs * 2 ** (recent.length - 1));
  return { status: 'restarting', delayMs, crashedAt: recent };
}
