import type { PeerLimits } from './peers.ts';

export interface LeaseLimits extends PeerLimits {
  /** From the start of a renewal to the start of the next. */
  readonly renewMs: number;
  readonly deadlineMs: number;
  /** How much earlier a process doubts itself than any other process can. */
  readonly doubtMarginMs: number;
  /** Between two removals of rows of the dead. */
  readonly forgetEveryMs: number;
}

/** Three renewals and the deadline of one fit into a lease's life: a late one makes no process dead. */
export const LEASE_LIMITS: LeaseLimits = {
  renewMs: 700,
  deadlineMs: 600,
  lateMs: 1_500,
  lifeMs: 3_000,
  doubtMarginMs: 50,
  gapMs: 1_500,
  forgetMs: 15_000,
  forgetEveryMs: 15_000,
};
