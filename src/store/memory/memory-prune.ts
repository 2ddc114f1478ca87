import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import { byBytes } from './by-bytes.ts';
import { keyOf, type ChannelRow } from './channel-row.ts';

/** Removes entries that are older than `keepMs`, some channels and entries at a time. */
export function prune(
  rows: ReadonlyMap<Channel, ChannelRow>,
  { kind, keepMs, after, channels, entries }: StoreCalls['prune']['request'],
  nowMs: number,
): StoreCalls['prune']['reply'] {
  const behind = [...rows]
    .filter(([channel]) => channelKind(channel) === kind && byBytes(channel, after ?? '') > 0)
    .toSorted(([a], [b]) => byBytes(a, b));
  let removed = 0;
  let next = after ?? '';
  for (const [channel, { entries: log, keys }] of behind.slice(0, channels)) {
    for (const { seq, at, sender, id } of log.values()) {
      if (at > nowMs - keepMs) break;
      if (removed === entries) return { removed, next };
      log.delete(seq);
      keys.delete(keyOf(sender, id));
      removed++;
    }
    next = channel;
  }
  return { removed, next: behind.length > channels ? next : null };
}
