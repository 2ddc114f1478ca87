import type { Entry } from '../../runtime/ports/log-store.ts';

/** A channel as plain data. */
export interface ChannelRow {
  epoch: number;
  owner: string;
  head: number;
  /** Entries by seq, without those that retention or a deletion removed. */
  readonly entries: Map<number, Entry & { readonly epoch: number }>;
  /** Seq by sender and id. */
  readonly keys: Map<string, number>;
}

/** The key that finds a message, whatever its seq. */
export function keyOf(sender: string, id: string): string {
  return `${sender}\n${id}`;
}
