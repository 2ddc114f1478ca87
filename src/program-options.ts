import { CONNECTION_LIMITS } from './actors/connection/context.ts';
import { LEDGER_LIMITS } from './actors/home/ledger-limits.ts';
import { LOG_LIMITS } from './actors/log/log.ts';
import type { ProgramOptions } from './actors/program.ts';
import type { Config } from './config.ts';
import type { HookOptions } from './actors/hooks/hooks.ts';
import { askedHooks, HOOK_MS, type EngineHooks } from './host/application-hooks.ts';
import type { StoreOptions } from './store/open.ts';

/** Connections to PostgreSQL of one node: two for appends, one for claims, the rest for reads. */
const DATABASE_CONNECTIONS = 12;

interface Beside {
  /** The log's name by now. */
  readonly log: () => string;
  readonly hooks: HookOptions | undefined;
}

/** What the application wants to be asked; undefined when it has no say in anything. */
export function hookOptions(hooks: EngineHooks = {}): HookOptions | undefined {
  const asked = askedHooks(hooks);
  return asked.size > 0 ? { asked, deadlineMs: hooks.deadlineMs ?? HOOK_MS.standard } : undefined;
}

/** How long the application may take for one message: each hook that is asked about it has its time. */
export function vettingMs(hooks: HookOptions | undefined): number {
  return hooks ? hooks.deadlineMs * hooks.asked.size : 0;
}

/** Which database, and how it is used. */
export function storeOptions(config: Config): Omit<StoreOptions, 'onIdleError' | 'onEnd'> {
  return {
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    connections: DATABASE_CONNECTIONS,
    pooler: config.databasePooler,
    // The server gives up before we do: then we know that it was not carried out.
    statementTimeoutMs: LOG_LIMITS.readDeadlineMs - 500,
  };
}

/** The bounds that a configuration sets the actors of a node. */
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
      // Else a hook that is slow, and within its time, would make a message's outcome unknown.
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
    ledger: { ...LEDGER_LIMITS, idleMs: config.roomIdleMs },
    mailboxMax: config.mailboxMessages,
    keepMs: config.retention,
    logLimits: { ...LOG_LIMITS, readBytesPerSecond: config.readBytesPerSecond },
  };
}
