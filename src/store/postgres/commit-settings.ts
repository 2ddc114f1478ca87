import { sql } from 'drizzle-orm';
import type { Commits, CommitSettings } from '../ack-worth.ts';
import type { SqlError, SqlQueries } from './sql-client.ts';
import { statement } from './statement.ts';

/** Every role may read these. A server that lacks one says null. */
const commitSettings = statement(
  'commit_settings',
  sql`
select current_setting('fsync', true), current_setting('full_page_writes', true),
  current_setting('synchronous_commit', true), current_setting('synchronous_standby_names', true),
  (select setting::int from pg_settings where name = 'wal_writer_delay')`,
);

/** A role without the rights of pg_read_all_stats sees that a standby is there, but not its state. */
const synchronousStandbys = statement(
  'synchronous_standbys',
  sql`
select case when bool_and(sync_state is not null) is not false
  then count(*) filter (where state = 'streaming' and sync_state in ('sync', 'quorum'))::int end
from pg_stat_replication`,
);

/** Asks a server what its commits are worth. `line`: the connections that append, since a role may have settings of its own. */
export async function readCommitSettings(line: SqlQueries, deadlineMs: number): Promise<Commits> {
  const [row] = await line.query(commitSettings, {}, deadlineMs).catch(nothingIfUnknown);
  const [fsync, fullPageWrites, synchronousCommit, standbyNames, walWriterDelayMs] = row ?? [];
  if (typeof fsync !== 'string' || typeof synchronousCommit !== 'string') return 'unknown';
  const isWaitedFor = typeof standbyNames === 'string' && standbyNames !== '';
  const [standbys] = isWaitedFor
    ? await line.query(synchronousStandbys, {}, deadlineMs).catch(nothingIfUnknown)
    : [];
  return {
    fsync: fsync === 'on',
    fullPageWrites: fullPageWrites !== 'off',
    synchronousCommit: synchronousCommit as CommitSettings['synchronousCommit'],
    walWriterDelayMs: Number(walWriterDelayMs ?? 200),
    standbyNames: isWaitedFor ? standbyNames : '',
    standbys: typeof standbys?.[0] === 'number' ? standbys[0] : undefined,
  };
}

/** Some databases that speak PostgreSQL's protocol answer the question with an error of class 0A or 42. */
function nothingIfUnknown(error: unknown): readonly [] {
  const { code } = ((error as SqlError).cause ?? {}) as { readonly code?: unknown };
  if (typeof code === 'string' && /^(0A|42)/.test(code)) return [];
  throw error;
}
