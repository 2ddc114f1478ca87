import type { Entry, Place } from '../../runtime/ports/log-store.ts';

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

/** The head of a channel, and its message at a seq. */
export function placeIn(row: ChannelRow | undefined, seq: number): Place {
  const { id, sender, at } = row?.entries.get(seq) ?? {};
  const mark = id === undefined || sender === undefined || at === undefined ? null : { id, sender, at };
  return { head: row?.head ?? 0, at: mark };
}

/** Where the message of a key is; null without one. */
export function markIn(
  row: ChannelRow | undefined,
  sender: string,
  id: string,
): Pick<Entry, 'seq' | 'at'> | null {
  const entry = row?.entries.get(row.keys.get(keyOf(sender, id)) ?? 0);
  return entry ? { seq: entry.seq, at: entry.at } : null;
}

/** Removes up to a thousand entries. */
export function discard(row: ChannelRow | undefined, upTo: number): void {
  const old = [...(row?.entries.values() ?? [])].filter(({ seq }) => seq <= upTo);
  for (const { seq, sender, id } of old.slice(0, 1_000)) {
    row?.entries.delete(seq);
    row?.keys.delete(keyOf(sender, id));
  }
}
