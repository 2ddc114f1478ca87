import { CONNECTION_LIMITS } from '../actors/connection/context.ts';
import { WRITER_LIMITS } from '../actors/home/writer-limits.ts';
import { LOG_LIMITS } from '../actors/log/log.ts';
import type { ProgramOptions } from '../actors/behaviours.ts';
import type { Config } from '../config/index.ts';
import type { HookOptions } from '../actors/hooks/hooks.ts';
import { askedHooks, HOOK_MS, type EngineHooks } from './application-hooks.ts';
import type { StoreOptions } from '../store/open.ts';

/** Connections of one node to PostgreSQL: two for appends, one for its lease, the others for all else. */
const DATABASE_CONNECTIONS = 12;

interface Beside {
  /** The log's current name. */
  readonly log: () => string;
  readonly hooks: HookOptions | undefined;
}

/** What the hooks mean for the actors; undefined without hooks. */
export function hookOptions(hooks: EngineHooks = {}): HookOptions | undefined {
  const asked = askedHooks(hooks);
  return asked.size > 0 ? { asked, deadlineMs: hooks.deadlineMs ?? HOOK_MS.standard } : undefined;
}

/** How long the application may take for one message: each hook that sees it has its own deadline. */
export function vettingMs(hooks: HookOptions | undefined): number {
  return hooks ? hooks.deadlineMs * hooks.asked.size : 0;
}

/** The database, and how the node uses it. */
export function storeOptions(config: Config): Omit<StoreOptions, 'onIdleError' | 'onEnd'> {
  return {
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    connections: DATABASE_CONNECTIONS,
    pooler: config.databasePooler,
    fsyncOff: config.databaseFsyncOff,
    // The server gives up before the node does, so that the node knows the statement was not carried out.
    statementTimeoutMs: LOG_LIMITS.readDeadlineMs - 500,
  };
}

/** The bounds of a node's actors, from its configuration. */
export function programOptions(config: Config, { log, hooks }: Beside): Omit<ProgramOptions, 'incarnation'> {
  return {
    ...(hooks ? { hooks } : {}),
    node: config.node,
    log,
    autoCreate: config.roomsAutoCreate,
    roomsCreate: config.roomsCreate,
    graceMs: config.graceMs,
    tokenTtlMaxMs: config.tokenTtlMaxMs,
    allowance: {
      messagesPerMinute: config.messagesPerMinute,
      connectionsMax: config.connectionsPerUser,
      roomsPerHour: config.roomsPerHour,
    },
    connection: {
      ...CONNECTION_LIMITS,
      // Otherwise a slow hook within its deadline would make a message's outcome unknown.
      requestDeadlineMs: CONNECTION_LIMITS.requestDeadlineMs + vettingMs(hooks),
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      heartbeatTimeoutMs: config.heartbeatTimeoutMs,
      frameBytes: config.frameBytes,
      roomsMax: config.roomsPerConnection,
      roomsPerHour: config.roomsPerHour,
      membersPerCreate: config.membersPerCreate,
      stallMs: config.stallMs,
      messagesPerMinute: config.messagesPerMinute,
      signalsPerSecond: config.signalsPerSecond,
      requestsPerMinute: config.requestsPerMinute,
      controlFramesPerSecond: config.controlFramesPerSecond,
      rateAbusePerMinute: config.rateAbusePerMinute,
    },
    writer: { ...WRITER_LIMITS, idleMs: config.roomIdleMs },
    mailboxMax: config.mailboxMessages,
    keepMs: config.retention,
    logLimits: { ...LOG_LIMITS, readBytesPerSecond: config.readBytesPerSecond },
  };
}
