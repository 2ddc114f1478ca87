import { WIRE_LIMITS } from '../protocol/limits.ts';
import type { Behaviour } from '../runtime/ports/actor.ts';
import { connectionBehaviour } from './connection/connection.ts';
import type { ConnectionLimits } from './connection/context.ts';
import { broadcastBehaviour } from './home/broadcast.ts';
import type { HomeOptions } from './home/home.ts';
import type { LedgerLimits } from './home/ledger.ts';
import { roomBehaviour } from './home/room.ts';
import { userBehaviour } from './home/user.ts';
import type { CommitLimits } from './log/group-commit.ts';
import { logBehaviour, type LogLimits } from './log/log.ts';
import { relayBehaviour } from './relay/relay.ts';
import type { PageLimits } from './relay/stream.ts';
import { sessionsBehaviour } from './sessions.ts';

/** Who the node is, and the bounds it works within. */
export interface ProgramOptions {
  readonly node: string;
  /** Node and incarnation: who claims and appends, and the first part of every connection's address. */
  readonly owner: string;
  /** The database's name. */
  readonly log: string;
  readonly autoCreate: boolean;
  readonly graceMs: number;
  readonly tokenTtlMaxMs: number;
  readonly connection: ConnectionLimits;
  readonly ledger: LedgerLimits;
  readonly logLimits: LogLimits;
  readonly commit?: CommitLimits;
  readonly page?: PageLimits;
}

/** A page of the log, as what may be replayed and what a `history` result may hold. */
const PAGE: PageLimits = { limit: WIRE_LIMITS.replayPerChannelMax, bytesMax: WIRE_LIMITS.historyBytesMax };

/** Every kind of actor of a node. The engine and the simulator run the same ones (D17). */
export function program(options: ProgramOptions): readonly Behaviour<never, never, never>[] {
  const { node, owner, log, autoCreate, graceMs, ledger, connection, page = PAGE } = options;
  const home: HomeOptions = { node, owner, ledger, graceMs };
  const deadlineMs = ledger.logDeadlineMs;
  const behaviours = [
    connectionBehaviour({ node, log, autoCreate, limits: connection }),
    relayBehaviour({ node, deadlineMs, retryAfterMs: connection.retryAfterMs, page }),
    roomBehaviour({ ...home, autoCreate }),
    userBehaviour(home),
    broadcastBehaviour(home),
    logBehaviour({ owner, limits: options.logLimits, ...(options.commit ? { commit: options.commit } : {}) }),
    sessionsBehaviour({
      intervalMs: connection.heartbeatIntervalMs,
      deadlineMs,
      tokenTtlMaxMs: options.tokenTtlMaxMs,
    }),
  ];
  return behaviours as unknown as readonly Behaviour<never, never, never>[];
}
