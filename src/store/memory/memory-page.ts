import type { Entry, StoreCalls } from '../../runtime/ports/log-store.ts';
import type { ChannelRow } from './channel-row.ts';

type Request = StoreCalls['page']['request'];

/** One page of a channel. It is empty when the channel has no row. The caller checks the reader. */
export function page(
  row: ChannelRow | undefined,
  { start, limit, bytesMax }: Request,
): Omit<StoreCalls['page']['reply'], 'grant'> {
  const isForward = start !== 'newest' && 'after' in start;
  const found = [...(row?.entries.values() ?? [])]
    .filter(({ seq }) => isWithin(seq, start))
    .toSorted((a, b) => (isForward ? a.seq - b.seq : b.seq - a.seq));
  const fitting: Entry[] = [];
  let bytes = 0;
  for (const { epoch: _, ...entry } of found) {
    bytes += Buffer.byteLength(entry.content) + Buffer.byteLength(entry.data ?? '') + 64;
    if (fitting.length >= limit || (fitting.length > 0 && bytes > bytesMax)) break;
    fitting.push(entry);
  }
  const more = fitting.length < found.length;
  const upTo = isForward ? start.upTo : undefined;
  const isShort = upTo !== undefined && !more && fitting.at(-1)?.seq !== upTo;
  const first = isShort ? { first: firstKept(row) } : {};
  return { entries: isForward ? fitting : fitting.toReversed(), more, ...first };
}

function isWithin(seq: number, start: Request['start']): boolean {
  if (start === 'newest') return true;
  return 'after' in start ? seq > start.after && seq <= (start.upTo ?? Infinity) : seq < start.before;
}

function firstKept(row: ChannelRow | undefined): number {
  return Math.min((row?.head ?? 0) + 1, ...(row?.entries.keys() ?? []));
}
