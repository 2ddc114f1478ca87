/** What a supervisor may decide, with the arithmetic behind the defaults (D5). */
export interface SupervisionLimits {
  /** The first restart comes after this long, each further one after twice as long… */
  readonly backoffMs: number;
  /** …up to this: a room that cannot start is tried twice a minute. */
  readonly backoffMaxMs: number;
  /** This many crashes… */
  readonly crashesMax: number;
  /** …within this long are a bug that restarting does not cure. */
  readonly windowMs: number;
  /** How long a quarantined actor refuses everything before it is tried again. */
  readonly quarantineMs: number;
}

const SUPERVISION: SupervisionLimits = {
  backoffMs: 200,
  backoffMaxMs: 30_000,
  crashesMax: 5,
  windowMs: 60_000,
  quarantineMs: 30_000,
};

/** A message over which an actor crashed this often is not given to it again. */
export const POISON_CRASHES = 2;

export type Verdict = {
  readonly status: 'restarting' | 'quarantined';
  readonly delayMs: number;
  readonly crashedAt: number[];
};

/** Decides about a crash at `now`, given the earlier ones. */
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
