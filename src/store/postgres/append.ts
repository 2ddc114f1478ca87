import type { AppendGroup, EntryOutcome, NewEntry, StoreCalls } from '../../runtime/ports/log-store.ts';
import { SqlError, type Row, type SqlClient } from './sql-client.ts';
import * as statements from './statements.ts';

type AppendRequest = StoreCalls['append']['request'];

/** An entry with its place in the request. */
interface Item {
  readonly group: number;
  readonly at: number;
  readonly entry: NewEntry;
}

/**
 * Appends a batch. A statement that is refused for what it holds is tried again in halves, until the culprit
 * is alone: the others do not suffer for it. Halves go one after the other, so order is kept, and a channel
 * one of whose entries is not final is not touched again.
 */
export async function append(
  client: SqlClient,
  request: AppendRequest,
  deadlineMs: number,
): Promise<EntryOutcome[][]> {
  const deadline = Date.now() + deadlineMs;
  const outcomes: EntryOutcome[][] = request.groups.map((group) =>
    group.entries.map(() => ({ type: 'failed' })),
  );
  const closed = new Set<number>();
  const items = request.groups.flatMap((group, g) =>
    group.entries.map((entry, at): Item => ({ group: g, at, entry })),
  );

  const run = async (all: readonly Item[]): Promise<void> => {
    const open = all.filter((item) => !closed.has(item.group));
    if (open.length === 0) return;
    const left = deadline - Date.now();
    if (left <= 0) return;
    try {
      const rows = await client.query(statements.append, bind(request, open), left);
      for (const [at, item] of open.entries()) set(item, outcomeOf(rows[at]));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      if (error.failure !== 'data') {
        // The whole of it, at the first try: the caller hears why.
        if (open.length === items.length) throw error;
        const type = error.failure;
        for (const item of open) set(item, { type });
        return;
      }
      if (open.length === 1) return set(open[0] as Item, { type: 'refused' });
      const half = Math.ceil(open.length / 2);
      await run(open.slice(0, half));
      await run(open.slice(half));
    }
  };

  const set = (item: Item, outcome: EntryOutcome): void => {
    (outcomes[item.group] as EntryOutcome[])[item.at] = outcome;
    if (outcome.type !== 'stored' && outcome.type !== 'duplicate' && outcome.type !== 'refused')
      closed.add(item.group);
  };

  await run(items);
  return outcomes;
}

function bind({ owner, groups }: AppendRequest, items: readonly Item[]): Record<string, unknown> {
  const group = (item: Item): AppendGroup => groups[item.group] as AppendGroup;
  return {
    owner,
    channels: [...new Set(items.map((item) => group(item).channel))],
    of: items.map((item) => group(item).channel),
    epochs: items.map((item) => group(item).epoch),
    knowns: items.map((item) => group(item).head ?? 0),
    founds: items.map((item) => group(item).foundsRoom),
    senders: items.map((item) => item.entry.sender),
    ids: items.map((item) => item.entry.id),
    contents: items.map((item) => item.entry.content),
    datas: items.map((item) => item.entry.data),
    sentAts: items.map((item) => item.entry.sentAt),
  };
}

function outcomeOf(row: Row | undefined): EntryOutcome {
  const [seq, at, isRepeat, standing] = row as [
    number,
    number,
    boolean,
    'own' | 'busy' | 'fenced' | 'rewound',
  ];
  if (standing !== 'own') return { type: standing };
  return { type: isRepeat ? 'duplicate' : 'stored', seq, at };
}
