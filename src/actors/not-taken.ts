import type { Refusal } from './messages.ts';

/** Whose sending is not taken. */
export interface NotTaken {
  /** Its id was made for this sending: nothing can have been stored under it before. */
  readonly isFirst?: boolean | undefined;
  readonly retryAfterMs: number;
  readonly why?: string;
}

/**
 * What is said of a message that is not taken, or given up: this sending is not stored and will not be. Whether one before
 * it under the same id was, only the log knows; where that is not asked nothing may be said of the message (DG4).
 */
export function notTaken({
  isFirst = false,
  retryAfterMs,
  why = 'this cannot be done right now',
}: NotTaken): Refusal {
  if (isFirst) return { error: 'unavailable', message: why, retryAfterMs };
  return {
    error: 'outcome_unknown',
    message: `${why}; if it was sent before, it may be stored`,
    retryAfterMs,
  };
}
