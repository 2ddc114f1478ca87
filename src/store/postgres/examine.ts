import { TLSSocket } from 'node:tls';
import pg from 'pg';
import type { Commits } from '../ack-worth.ts';
import type { SchemaFacts, ServerFacts } from '../findings.ts';
import { StoreError } from '../store-error.ts';
import { readCommitSettings } from './commit-settings.ts';
import { missingMigrations } from './migrate.ts';
import { PgClient } from './pg-client.ts';
import { sessionSettings, statementSettings, type Pooler } from './pg-settings.ts';

const CONNECT_MS = 4_000;
const ANSWER_MS = 4_000;

export interface Examined {
  readonly server: ServerFacts;
  readonly schema: SchemaFacts;
  readonly commits: Commits;
}

interface Where {
  readonly url: string;
  /** Host, port and database, as messages name them. */
  readonly place: string;
  readonly statementTimeoutMs: number;
  readonly pooler: Pooler;
}

/** Asks a server about itself. It only reads. Rejects with the driver's error when the server cannot be reached. */
export async function examine(where: Where): Promise<Examined> {
  const { url, statementTimeoutMs, pooler } = where;
  const client = new pg.Client({
    connectionString: url,
    application_name: 'vagus doctor',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
  });
  client.on('error', () => {});
  const appending = new PgClient({ url, connections: 1, statementTimeoutMs, pooler, onIdleError: () => {} });
  try {
    await client.connect();
    const server = await serverFacts(client, where);
    const schema = await schemaFacts(client);
    return { server, schema, commits: await readCommitSettings(appending.line(1), ANSWER_MS) };
  } finally {
    await client.end().catch(() => {});
    await appending.close();
  }
}

/** A limit of -1 is none. */
const FACTS = `
select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
  current_setting('server_encoding') as encoding, current_setting('transaction_read_only') = 'on' as read_only,
  pg_is_in_recovery() as in_recovery, pg_backend_pid() as pid,
  extract(epoch from clock_timestamp())::float8 * 1000 as at,
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) as server_max,
  (select rolconnlimit from pg_roles where rolname = current_user) as role_max,
  (select datconnlimit from pg_database where datname = current_database()) as database_max,
  (select sum(numbackends)::int from pg_stat_database) as used,
  (select setting::int from pg_settings where name = 'idle_session_timeout') as idle_session`;

interface FactsRow {
  readonly version: string;
  readonly number: number;
  readonly encoding: string;
  readonly read_only: boolean;
  readonly in_recovery: boolean;
  readonly pid: number;
  readonly at: number;
  readonly server_max: number;
  readonly role_max: number;
  readonly database_max: number;
  readonly used: number;
  readonly idle_session: number;
}

async function serverFacts(client: pg.Client, where: Where): Promise<ServerFacts> {
  const from = Date.now();
  const { rows } = await client.query<FactsRow>(FACTS);
  const until = Date.now();
  const row = rows[0] as FactsRow;
  const { stream } = (client as unknown as { readonly connection: { readonly stream: unknown } }).connection;
  const limits = [row.server_max, row.role_max, row.database_max].filter((limit) => limit >= 0);
  return {
    place: where.place,
    isOfThisMachine: isOfThisMachine(client.host),
    tls: stream instanceof TLSSocket ? (stream.getProtocol() ?? 'TLS') : undefined,
    version: row.version,
    versionNumber: row.number,
    encoding: row.encoding,
    isReadOnly: row.read_only,
    isInRecovery: row.in_recovery,
    isPooled: row.pid !== (client as { processID?: number }).processID,
    clockAheadMs: row.at - (from + until) / 2,
    clockErrorMs: (until - from) / 2,
    connectionsMax: Math.min(...limits),
    // Its own connection is over when a node starts.
    connectionsUsed: row.used - 1,
    connectionsFree: row.server_max - row.used + 1,
    idleSessionMs: row.idle_session,
    otherSettings: await otherSettings(client, where.statementTimeoutMs),
  };
}

const isOfThisMachine = (host: string): boolean =>
  host.startsWith('/') || host === 'localhost' || host === '::1' || host.startsWith('127.');

/** What a session of the role has, where a node sets something else and a pooler would not let it. */
async function otherSettings(client: pg.Client, statementTimeoutMs: number): Promise<string[]> {
  const ours = statementSettings(statementTimeoutMs);
  const wanted = Object.entries(sessionSettings(statementTimeoutMs)).filter(([name]) => !(name in ours));
  const { rows } = await client.query<{ readonly name: string; readonly setting: string }>(
    'select name, setting from pg_settings where name = any($1)',
    [wanted.map(([name]) => name)],
  );
  return wanted.flatMap(([name, value]) => {
    const has = rows.find((row) => row.name === name)?.setting;
    const isSame = has === undefined || Number(has) === Number.parseInt(value, 10);
    return isSame ? [] : [`${name} = ${has} (better ${value})`];
  });
}

/** Every table but `meta` is written to. A role needs more than this, but never less. */
const SCHEMA = `
select coalesce(
    (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'vagus'),
    has_database_privilege(current_database(), 'create')
  ) as may_migrate,
  array(
    select 'vagus.' || tablename from pg_tables cross join format('%I.%I', schemaname, tablename) name
    where schemaname = 'vagus' and tablename not in ('migrations', 'schema_changes') and not (
      has_table_privilege(name, 'select') and (tablename = 'meta' or has_table_privilege(name, 'insert'))
    )
    order by 1
  ) as forbidden`;

/** SQLSTATE of a missing right. */
const FORBIDDEN = '42501';

async function schemaFacts(client: pg.Client): Promise<SchemaFacts> {
  const run = async (text: string): Promise<readonly unknown[][]> =>
    (await client.query({ text, rowMode: 'array' })).rows;
  try {
    const missing = await missingMigrations(run);
    const { rows } = await client.query<{ may_migrate: boolean; forbidden: string[] }>(SCHEMA);
    return {
      missing,
      mayMigrate: rows[0]?.may_migrate === true,
      forbidden: rows[0]?.forbidden ?? [],
    };
  } catch (error) {
    const { code, message } = error as pg.DatabaseError;
    if (error instanceof StoreError || code === FORBIDDEN) return { trouble: message };
    throw error;
  }
}
