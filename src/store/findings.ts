import { worthOf, type Commits } from './ack-worth.ts';

/**
 * What `vagus doctor` found out about one thing. `fail`: a node does not start, or cannot serve. `warn`: it serves, and
 * its operator should know this. `ok`: as it should be.
 */
export interface Finding {
  readonly mark: 'ok' | 'warn' | 'fail';
  readonly about: string;
  /** One line in plain English. */
  readonly text: string;
}

/** How a node would use the database. */
export interface Plan {
  readonly pooler: 'auto' | 'on' | 'off';
  readonly fsyncOff: 'refuse' | 'allow';
  /** Connections of one node. */
  readonly connections: number;
}

/** What a server said on a connection that nothing has set up. */
export interface ServerFacts {
  /** Host, port and database, without user and password. */
  readonly place: string;
  readonly isOfThisMachine: boolean;
  /** The version of TLS; undefined without it. */
  readonly tls: string | undefined;
  readonly version: string;
  readonly versionNumber: number;
  readonly encoding: string;
  readonly isReadOnly: boolean;
  readonly isInRecovery: boolean;
  /** Another process answered than the server had named when the connection began. */
  readonly isPooled: boolean;
  /** How far the database's clock is ahead of this machine's, and the uncertainty of that, in milliseconds. */
  readonly clockAheadMs: number;
  readonly clockErrorMs: number;
  /** Connections that this role may have with this database, and how many the server has now. */
  readonly connectionsMax: number;
  readonly connectionsUsed: number;
  readonly connectionsFree: number;
  /** `idle_session_timeout` in milliseconds; 0: none. */
  readonly idleSessionMs: number;
  /** Session settings of the role that differ from what a node sets, as `name = its own value (wanted)`. */
  readonly otherSettings: readonly string[];
}

export type SchemaFacts =
  /** It is too new, or the role may not read it. */
  | { readonly trouble: string }
  | {
      /** Migrations to apply. */
      readonly missing: readonly string[];
      readonly mayMigrate: boolean;
      /** Tables that the role may not read and write. */
      readonly forbidden: readonly string[];
    };

/** The oldest PostgreSQL that the tests run on. */
const VERSION_MIN = 150_000;

/** Revocations compare times of the issuer with the database's clock, with 5 s of leeway (JW5). */
const CLOCK_MS = 2_000;

/** What the facts about a server mean for a node. */
export function serverFindings(facts: ServerFacts, plan: Plan): Finding[] {
  return [
    connection(facts),
    facts.versionNumber < VERSION_MIN
      ? fail('version', `PostgreSQL ${facts.version} is too old: Vagus needs 15 or newer`)
      : ok('version', `PostgreSQL ${facts.version}`),
    ...(facts.encoding === 'UTF8'
      ? []
      : [fail('encoding', `the database has the encoding ${facts.encoding}: make one with UTF8`)]),
    writes(facts),
    pooler(facts, plan),
    connections(facts, plan),
    timeouts(facts, plan),
    clock(facts),
  ];
}

export function schemaFinding(facts: SchemaFacts): Finding {
  if ('trouble' in facts) return fail('schema', facts.trouble);
  const { missing, mayMigrate, forbidden } = facts;
  if (missing.length > 0) {
    const names = missing.join(', ');
    return mayMigrate
      ? ok('schema', `the next start, or vagus migrate, applies ${names}`)
      : fail('schema', `${names} must be applied, and this role may not: run vagus migrate with another one`);
  }
  return forbidden.length > 0
    ? fail('schema', `the role may not read and write ${forbidden.join(', ')}: grant it all on these tables`)
    : ok('schema', 'up to date');
}

export function ackFinding(commits: Commits, { fsyncOff }: Plan): Finding {
  const { level, text } = worthOf(commits);
  const isRefused = typeof commits !== 'string' && !commits.fsync && fsyncOff === 'refuse';
  if (isRefused)
    return fail(
      'acks',
      `${text}; a node does not start: turn fsync on, or set VAGUS_DATABASE_FSYNC_OFF to allow`,
    );
  return level === 'warn' ? warn('acks', text) : ok('acks', text);
}

export const ok = (about: string, text: string): Finding => ({ mark: 'ok', about, text });
const warn = (about: string, text: string): Finding => ({ mark: 'warn', about, text });
export const fail = (about: string, text: string): Finding => ({ mark: 'fail', about, text });

function connection({ place, tls, isOfThisMachine }: ServerFacts): Finding {
  if (tls !== undefined) return ok('connection', `${place}, with ${tls}`);
  if (isOfThisMachine) return ok('connection', `${place}, without TLS, on this machine`);
  return warn(
    'connection',
    `${place}, without TLS: others on the way can read everything (add ?sslmode=verify-full)`,
  );
}

function writes({ isReadOnly, isInRecovery }: ServerFacts): Finding {
  if (isInRecovery) return fail('writes', 'the server is a standby and accepts none: name the primary');
  if (isReadOnly)
    return fail(
      'writes',
      'default_transaction_read_only is on for this role, database or server: turn it off',
    );
  return ok('writes', 'accepted');
}

function pooler({ isPooled }: ServerFacts, { pooler: setting }: Plan): Finding {
  if (isPooled && setting === 'off')
    return warn('pooler', 'there is one, and VAGUS_DATABASE_POOLER is off: right only if it pools sessions');
  if (isPooled) return ok('pooler', 'there is one; each statement brings its settings along');
  return setting === 'on'
    ? warn('pooler', 'none was found, and VAGUS_DATABASE_POOLER is on: auto is faster')
    : ok('pooler', 'none');
}

function connections(facts: ServerFacts, { connections: needed }: Plan): Finding {
  const { connectionsMax: max, connectionsFree: free, connectionsUsed: used, isPooled } = facts;
  const has = `the server allows ${max} and has ${used} now`;
  if (isPooled) return ok('connections', `a node takes up to ${needed} of the pooler's; ${has}`);
  const text = `a node takes up to ${needed}, two in an update ${2 * needed}; ${has}`;
  if (max < needed) return fail('connections', text);
  return max < 2 * needed || free < needed ? warn('connections', text) : ok('connections', text);
}

function timeouts(
  { idleSessionMs, otherSettings, isPooled }: ServerFacts,
  { pooler: setting }: Plan,
): Finding {
  if (idleSessionMs > 0)
    return warn(
      'timeouts',
      `idle_session_timeout is ${idleSessionMs} ms for this role: it ends the node's idle connections`,
    );
  // A pooler's connections are no sessions of the node's.
  const isOwn = setting !== 'on' && (setting === 'off' || !isPooled);
  if (isOwn) return ok('timeouts', 'the node sets its own on each connection');
  return otherSettings.length === 0
    ? ok('timeouts', 'those of the role are what a node behind a pooler wants')
    : warn('timeouts', `behind a pooler those of the role count: ${otherSettings.join(', ')}`);
}

function clock({ clockAheadMs, clockErrorMs }: ServerFacts): Finding {
  const off = Math.abs(clockAheadMs) - clockErrorMs;
  if (off <= CLOCK_MS) return ok('clock', `the database's differs by less than ${CLOCK_MS / 1_000} s`);
  const how = clockAheadMs > 0 ? 'ahead of' : 'behind';
  return warn(
    'clock',
    `the database's is ${(Math.abs(clockAheadMs) / 1_000).toFixed(1)} s ${how} this machine's`,
  );
}
