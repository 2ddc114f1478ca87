import { CONNECTION_LIMITS } from './actors/connection/context.ts';
import { LEDGER_LIMITS } from './actors/home/ledger.ts';
import { LOG_LIMITS } from './actors/log/log.ts';
import type { ProgramOptions } from './actors/program.ts';
import type { Config } from './config.ts';

/** The bounds that a configuration sets the actors of a node. `owner`: this life of it; `log`: the database's name. */
export function programOptions(config: Config, owner: string, log: string): ProgramOptions {
  return {
    node: config.node,
    owner,
    log,
    autoCreate: config.roomsAutoCreate,
    graceMs: config.graceMs,
    tokenTtlMaxMs: config.tokenTtlMaxMs,
    allowance: {
      messagesPerMinute: config.messagesPerMinute,
      connectionsMax: config.connectionsPerUser,
    },
    connection: {
      ...CONNECTION_LIMITS,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      heartbeatTimeoutMs: config.heartbeatTimeoutMs,
      frameBytes: config.frameBytes,
      roomsMax: config.roomsPerConnection,
      stallMs: config.stallMs,
      messagesPerMinute: config.messagesPerMinute,
      signalsPerSecond: config.signalsPerSecond,
      requestsPerMinute: config.requestsPerMinute,
      rateAbusePerMinute: config.rateAbusePerMinute,
    },
    ledger: { ...LEDGER_LIMITS, idleMs: config.roomIdleMs },
    mailboxMax: config.mailboxMessages,
    keepMs: config.retention,
    logLimits: LOG_LIMITS,
  };
}
