/** What a home may hold, and how long it tries. */
export interface WriterLimits {
  /** Messages of one channel that may be under way; 16 statements of 64. */
  readonly pendingMax: number;
  /** UTF-16 units of them together. */
  readonly pendingSizeMax: number;
  readonly idleMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** How long the log may take to answer: more than its own deadlines, so that it answers first. */
  readonly logDeadlineMs: number;
  /** How long a message that certainly was not stored is tried: as long as a database takes to come back quickly. */
  readonly giveUpMs: number;
  readonly retryAfterMs: number;
  /**
   * The node is one of a cluster: a claim counts only if the view names the node for the channel's shard (D7), and other programs
   * get stored messages and the state of rooms (RC2, LC4).
   */
  readonly isPlaced?: boolean;
}

export const WRITER_LIMITS: WriterLimits = {
  pendingMax: 1_024,
  pendingSizeMax: 4 * 1024 * 1024,
  idleMs: 300_000,
  backoffMs: 100,
  backoffMaxMs: 2_000,
  logDeadlineMs: 6_000,
  giveUpMs: 3_000,
  retryAfterMs: 1_000,
};
