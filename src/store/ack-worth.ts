/**
 * What an ack is worth (DG1): whether a message that was acked is still stored after each of these.
 * - `node_crash`: the node's process dies, as by `kill -9`.
 * - `database_crash`: a process of PostgreSQL dies, and the server restarts all of them.
 * - `power_cut`: the database's machine loses power, or its kernel crashes.
 * - `failover`: the machine is lost for good, and a standby takes over.
 */
export type AckEvent = 'node_crash' | 'database_crash' | 'power_cut' | 'failover';

/** What a database says of its commits, on the very connection that appends. */
export interface CommitSettings {
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  /** A role or a database may have its own. */
  readonly synchronousCommit: 'off' | 'local' | 'remote_write' | 'on' | 'remote_apply';
  readonly walWriterDelayMs: number;
  /** `synchronous_standby_names`; empty when there is none. */
  readonly standbyNames: string;
  /** The connected standbys that count as synchronous. Undefined when the node's role may not see that. */
  readonly standbys: number | undefined;
}

/** `embedded`: PGlite. `unknown`: a server that does not know these settings. */
export type Commits = CommitSettings | 'embedded' | 'unknown';

export interface AckWorth {
  /** Whether acked messages survive each event. False when the database does not say. */
  readonly survives: Readonly<Record<AckEvent, boolean>>;
  /** `warn` when less survives than with PostgreSQL's defaults, or when no write can be acked now. */
  readonly level: 'info' | 'warn';
  /** One line in plain English. */
  readonly text: string;
  /** Whether the database is PGlite, in the node's own process. */
  readonly isEmbedded: boolean;
}

const NAMES: Readonly<Record<AckEvent, string>> = {
  node_crash: 'a crash of the node',
  database_crash: 'a crash of PostgreSQL',
  power_cut: 'a power cut',
  failover: 'a failover',
};

/** What an ack is worth with these settings. */
export function worthOf(commits: Commits): AckWorth {
  if (commits === 'embedded') return EMBEDDED;
  if (commits === 'unknown') return UNKNOWN;
  const losses = lossesOf(commits);
  const survives = (event: AckEvent): boolean => losses[event] === undefined;
  const events = Object.keys(NAMES) as AckEvent[];
  const kept = events.filter(survives).map((event) => NAMES[event]);
  const because = reasons(events.filter((event) => !survives(event)).map((event) => [event, losses[event]]));
  const notes = notesOf(commits, survives('failover'));
  const text = [`an acked message survives ${listed(kept, 'and')}`, ...because, ...notes].join('; ');
  return {
    survives: {
      node_crash: true,
      database_crash: survives('database_crash'),
      power_cut: survives('power_cut'),
      failover: survives('failover'),
    },
    level: survives('database_crash') && survives('power_cut') && !isStuck(commits) ? 'info' : 'warn',
    text,
    isEmbedded: false,
  };
}

const EMBEDDED: AckWorth = {
  survives: { node_crash: true, database_crash: true, power_cut: false, failover: false },
  level: 'warn',
  text: 'an acked message survives a crash of the node; not a power cut: the embedded database does not wait for the disk',
  isEmbedded: true,
};

const UNKNOWN: AckWorth = {
  survives: { node_crash: true, database_crash: false, power_cut: false, failover: false },
  level: 'warn',
  text: 'an acked message survives a crash of the node; the database does not say what else it survives',
  isEmbedded: false,
};

type Losses = Readonly<Partial<Record<AckEvent, string>>>;

/** Why acked messages may be lost with an event. Nothing of ours is lost with the node: the database has confirmed it. */
function lossesOf(commits: CommitSettings): Losses {
  const { fsync, fullPageWrites, synchronousCommit, standbyNames } = commits;
  if (synchronousCommit === 'off') {
    const why = `synchronous_commit is off, so PostgreSQL may lose what it acked in the last ${lateMs(commits)} ms`;
    const worse = fsync ? {} : { power_cut: FSYNC_OFF };
    return { database_crash: why, power_cut: why, failover: why, ...worse };
  }
  const power = fsync ? fullPageWrites || PAGES_TORN : FSYNC_OFF;
  return {
    ...(power === true ? {} : { power_cut: power }),
    ...(standbyNames === ''
      ? { failover: 'there is no synchronous standby (synchronous_standby_names is empty)' }
      : {}),
    ...(standbyNames !== '' && synchronousCommit === 'local'
      ? { failover: 'synchronous_commit is local, so no commit waits for a standby' }
      : {}),
  };
}

const FSYNC_OFF = 'fsync is off, so it may destroy the database';
const PAGES_TORN = 'full_page_writes is off, so it may damage pages unless the file system writes each whole';

/** The server writes what it has committed within three rounds of its writer (PostgreSQL 15, section 30.4). */
const lateMs = ({ walWriterDelayMs }: CommitSettings): number => 3 * walWriterDelayMs;

/** `not a power cut or a failover: …` for each reason, in the order of the events. */
function reasons(losses: readonly (readonly [AckEvent, string | undefined])[]): string[] {
  const causes = [...new Set(losses.map(([, cause]) => cause))];
  return causes.map((cause) => {
    const events = losses.filter(([, other]) => other === cause).map(([event]) => NAMES[event]);
    return `not ${listed(events, 'or')}: ${cause}`;
  });
}

function notesOf(commits: CommitSettings, waits: boolean): string[] {
  if (!waits) return [];
  const { synchronousCommit, standbys } = commits;
  return [
    ...(synchronousCommit === 'remote_write'
      ? ['synchronous_commit is remote_write, so not a power cut of both machines at once']
      : []),
    ...(isStuck(commits)
      ? [`nothing can be acked now: ${standbys} of ${neededOf(commits)} synchronous standbys are connected`]
      : []),
  ];
}

/** Whether every write waits, because standbys are missing that a commit has to wait for. */
function isStuck(commits: CommitSettings): boolean {
  const { synchronousCommit, standbyNames, standbys } = commits;
  const waits = standbyNames !== '' && synchronousCommit !== 'off' && synchronousCommit !== 'local';
  return waits && standbys !== undefined && standbys < neededOf(commits);
}

/** `FIRST 2 (a, b)`, `ANY 2 (a, b)` and `2 (a, b)` wait for two standbys, a list of names alone for one. */
function neededOf({ standbyNames }: CommitSettings): number {
  const [, count = '1'] = /^\s*(?:(?:first|any)\s+)?(\d+)\s*\(/i.exec(standbyNames) ?? [];
  return Number(count);
}

function listed(names: readonly string[], word: 'and' | 'or'): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}
