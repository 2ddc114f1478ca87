export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * Invariants that the core asserts where they would break.
 * - `entries_contiguous`: a home publishes entries with consecutive seqs.
 * - `batches_ascend`: the batches of the log that a relay delivers are in order.
 * - `in_flight`: a connection never finishes more requests than it has started.
 * - `queue_size`: the queue of appends removes each item once.
 * - `epoch_rises`: each claim and each deletion of a channel raises the epoch of its home.
 * - `calls_under_way`: the log never has more answers of the store to a queue than calls of it, nor to users' pages.
 * - `resume_open`: a `resume` never hears of more channels than it has asked for.
 * - `loans_sum`: the messages that a user's home keeps aside are those of the loans that run.
 * - `writer_state`: the states of a channel's writer follow each other as its table says.
 */
export type Invariant =
  | 'entries_contiguous'
  | 'batches_ascend'
  | 'in_flight'
  | 'queue_size'
  | 'epoch_rises'
  | 'calls_under_way'
  | 'resume_open'
  | 'loans_sum'
  | 'writer_state';

/** Counters and log lines of the core. They never contain a token or a message's content. */
export interface Telemetry {
  count(counter: string, by: number): void;
  log(level: LogLevel, event: string, details: Readonly<Record<string, unknown>>): void;
}
