import pg from 'pg';

/**
 * The settings that our statements need, and how the server gets them (D22). A pooler between node and server may run each
 * transaction on another of its connections to the server, and lend these to other programs afterwards. The settings of a
 * session would stay there for them. So a node sets up a session only if it knows that it has it alone. Otherwise each
 * statement brings its settings along, for its own transaction.
 */

/** Whether a pooler is between node and server. `auto`: the node finds out for each connection. */
export type Pooler = 'auto' | 'on' | 'off';

export type Settings = Readonly<Record<string, string>>;

/**
 * How the server plans our statements.
 *
 * - Plans read by an index, in its order, whatever the statistics say. A plan that was made while a table was small must
 *   not scan that table once it is large. Without this, PostgreSQL sorted all entries of a room that the statistics do not
 *   know to find the newest.
 * - A prepared statement keeps the plan that serves any values. PostgreSQL would plan the append anew each time it runs,
 *   since it expects more rows from an unknown array than from the one at hand. On 15.18 planning was half of the server's
 *   CPU for the append of one message: 1,350 µs with it, 680 µs without.
 * - The server does not compile expressions: that takes longer than any statement of ours.
 */
export const PLAN_SETTINGS: Settings = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  plan_cache_mode: 'force_generic_plan',
  jit: 'off',
};

/**
 * Settings of a statement: how the server plans it, when the server gives it up, and that the server warns of a commit that
 * no standby may have, which a role's own setting could hide.
 */
export function statementSettings(statementTimeoutMs: number): Settings {
  return { statement_timeout: `${statementTimeoutMs}ms`, client_min_messages: 'warning', ...PLAN_SETTINGS };
}

/**
 * Settings of a session of ours. When the node's machine is gone, the server gives the connection up within 5 s, also in the
 * midst of a statement: no timeout of statements ends one that has not arrived in full.
 */
export function sessionSettings(statementTimeoutMs: number): Settings {
  return {
    ...statementSettings(statementTimeoutMs),
    idle_in_transaction_session_timeout: `${statementTimeoutMs}ms`,
    // It ends the connection, so it must be later than the timeout of the statement.
    transaction_timeout: `${statementTimeoutMs * 2}ms`,
    tcp_keepalives_idle: '2',
    tcp_keepalives_interval: '1',
    tcp_keepalives_count: '3',
    tcp_user_timeout: '5000',
  };
}

/** How long the setup of a new session may take. */
const SET_UP_MS = 4_000;

/**
 * Sets up a new session if it is ours alone, and says whether it is. A server sends each new connection the number of its
 * process, for cancelling statements. A pooler makes a number up, since it does not know yet which process will do the
 * work. Then this statement runs in a process with another number, and sets nothing.
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
    // Gives up a server that accepts a connection and then stands still. The driver's types lack this option.
    query_timeout: SET_UP_MS,
  } as pg.QueryConfig);
  return rows.length > 0;
}

/** The messages of the extended protocol, as the driver's connection sends them. */
interface Messages {
  parse(query: { text: string; name: string }): void;
  bind(config: Record<string, never>): void;
  execute(config: Record<string, never>): void;
}

/**
 * A statement with its settings in front of it. Everything up to the one `Sync` at the end is one transaction, and the
 * settings end with it. The settings' own statement returns no rows, so all rows are those of the statement.
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
