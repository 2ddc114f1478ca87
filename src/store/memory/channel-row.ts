import type { Entry } from '../../runtime/ports/log-store.ts';

/** A channel as plain data. */
export interface ChannelRow {
  epoch: number;
  owner: string;
  head: number;
  /** By seq; what retention or a deletion removed is missing. */
  readonly entries: Map<number, Entry & { readonly epoch: number }>;
  /** Seq by sender and id. */
  readonly keys: Map<string, number>;
}

/** What a message is found by, whatever its seq. */
export function keyOf(sender: string, id: string): string {
  return `${sender}\n${id}`;
}
