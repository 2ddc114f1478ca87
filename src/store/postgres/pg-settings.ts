import pg from 'pg';

/**
 * What the server must know to carry out statements of ours, and how it is told (D22). A pooler in between may give each
 * transaction another of its connections to the server, and those to others afterwards: what is said to a session stays
 * there for them. So a session is set up only where it is known to be ours; elsewhere each statement brings along what it
 * needs, for its own transaction.
 */

/** Whether a pooler is between us and the server: it is looked at for each connection, or one is told. */
export type Pooler = 'auto' | 'on' | 'off';

export type Settings = Readonly<Record<string, string>>;

/**
 * Plans read what they need by an index, in its order, whatever the statistics say: one that was made while a table was
 * small must not scan it once it is large, and the newest entries of a room of which nothing is known yet were found by
 * sorting all of it. Compiling takes longer than all we ask.
 */
export const PLAN_SETTINGS: Settings = { enable_seqscan: 'off', enable_bitmapscan: 'off', jit: 'off' };

/** Of a statement: how it is planned, and when the server gives it up. */
export function statementSettings(statementTimeoutMs: number): Settings {
  return { statement_timeout: `${statementTimeoutMs}ms`, ...PLAN_SETTINGS };
}

/**
 * A connection of our own is given up by the server when our machine is gone: within 5 s also in the midst of a
 * statement, which no timeout of statements ends before all of it has arrived.
 */
export function sessionSettings(statementTimeoutMs: number): Settings {
  return {
    ...statementSettings(statementTimeoutMs),
    idle_in_transaction_session_timeout: `${statementTimeoutMs}ms`,
    // Later than the statement's: this one ends the connection.
    transaction_timeout: `${statementTimeoutMs * 2}ms`,
    tcp_keepalives_idle: '2',
    tcp_keepalives_interval: '1',
    tcp_keepalives_count: '3',
    tcp_user_timeout: '5000',
  };
}

/**
 * Sets up a new session where it is ours alone, and says whether it is. The server tells who connects the number of its
 * process, by which a statement can be cancelled. A pooler tells a number of its own making, since it does not know yet
 * which process will do the work: then the statement finds itself in another process, and sets nothing.
 */
export async function setUp(client: pg.ClientBase, settings: Settings, pooler: Pooler): Promise<boolean> {
  if (pooler === 'on') return false;
  const told = pooler === 'off' ? null : ((client as { processID?: number }).processID ?? -1);
  const { rows } = await client.query({
    text: `
      select set_config(known.name, given.value, false)
      from jsonb_each_text($1) as given (name, value) join pg_settings known on known.name = given.name
      where coalesce($2::int, pg_backend_pid()) = pg_backend_pid()`,
    values: [JSON.stringify(settings), told],
  });
  return rows.length > 0;
}

/** What is used of the driver's connection: messages of the extended protocol. */
interface Messages {
  parse(query: { text: string; name: string }): void;
  bind(config: Record<string, never>): void;
  execute(config: Record<string, never>): void;
}

/**
 * A statement with its settings in front of it, sent as one: up to the one `Sync` at its end all is one transaction, and
 * the settings end with it. The first has no rows, so that the rows that come are those of the statement.
 */
export function withSettings(
  config: pg.QueryArrayConfig,
  settings: Settings,
  done: (error: Error | null, rows: unknown[][]) => void,
): pg.Query {
  const query = new pg.Query({ ...config, queryMode: 'extended' } as pg.QueryConfig, (error, result) =>
    done(error ?? null, ([result].flat().at(-1) as pg.QueryArrayResult | undefined)?.rows ?? []),
  ) as pg.Query & { prepare(connection: Messages): void };
  const prepare = query.prepare.bind(query);
  query.prepare = (connection) => {
    connection.parse({ text: `select 1 where ${claims(settings)} is null`, name: '' });
    connection.bind({});
    connection.execute({});
    prepare(connection);
  };
  return query;
}

const claims = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `set_config('${name}', '${value}', true)`)
    .join(' || ');
