export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/**
 * What is asserted where it would break.
 * - `entries_contiguous`: a home publishes entries that follow one another.
 * - `batches_ascend`: a relay's batches of the log follow one another.
 * - `in_flight`: a connection takes back no more work than it has begun.
 * - `queue_size`: nothing is taken out of the queue of appends twice.
 */
export type Invariant = 'entries_contiguous' | 'batches_ascend' | 'in_flight' | 'queue_size';

/** What the core tells people about itself. Never given a token or a message's content. */
export interface Telemetry {
  count(counter: string, by: number): void;
  log(level: LogLevel, event: string, details: Readonly<Record<string, unknown>>): void;
}
