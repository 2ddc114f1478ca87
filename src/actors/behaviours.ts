import { WIRE_LIMITS } from '../protocol/limits.ts';
import type { Behaviour } from '../runtime/ports/actor.ts';
import type { Incarnation } from '../runtime/ports/placement.ts';
import { canaryBehaviour } from './node/canary.ts';
import { connectionBehaviour } from './connection/connection.ts';
import type { ConnectionLimits, RoomsCreate } from './connection/context.ts';
import { directoryBehaviour } from './node/directory.ts';
import { drainBehaviour, DRAIN_LIMITS } from './node/drain.ts';
import type { AllowanceLimits } from './home/allowance.ts';
import { broadcastBehaviour } from './home/broadcast.ts';
import type { HomeOptions } from './home/home.ts';
import type { WriterLimits } from './home/writer-limits.ts';
import { roomBehaviour } from './home/room.ts';
import { userBehaviour } from './home/user.ts';
import type { AskedOfMessages } from './home/before-message-gate.ts';
import type { CommitLimits } from './log/group-commit.ts';
import { hooksBehaviour, type HookOptions } from './hooks/hooks.ts';
import { leaseBehaviour } from './node/lease.ts';
import { logBehaviour, type LogLimits } from './log/log.ts';
import type { Reach } from './kit/reach.ts';
import { overlapBehaviour } from './kit/overlap.ts';
import { relayBehaviour } from './relay/behaviour.ts';
import type { PageLimits } from './relay/stream.ts';
import { retentionBehaviour, type RetentionOptions } from './node/retention.ts';
import { sessionsBehaviour } from './node/sessions.ts';
import { viewBehaviour } from './node/view.ts';

/** Who the node is, and the bounds it works within. */
export interface ProgramOptions {
  readonly node: string;
  /** Who claims and appends, and the first part of every connection's address. */
  readonly incarnation: Incarnation;
  /** The log's name by now. */
  readonly log: () => string;
  /** Whether the home of a channel lives on this node; by default all do. */
  readonly isHere?: (channel: string) => boolean;
  readonly autoCreate: boolean;
  /** Users who may make rooms by `create`; by default all. */
  readonly roomsCreate?: RoomsCreate;
  readonly graceMs: number;
  readonly tokenTtlMaxMs: number;
  readonly connection: ConnectionLimits;
  readonly allowance: AllowanceLimits;
  readonly writer: WriterLimits;
  /** Messages that may wait for a room, and for broadcast (LM8). */
  readonly mailboxMax?: number;
  /** How long messages are kept (LM10); undefined: for ever. */
  readonly keepMs?: RetentionOptions['keepMs'];
  readonly logLimits: LogLimits;
  /** What the application has a say in; undefined: nothing. */
  readonly hooks?: HookOptions;
  readonly commit?: CommitLimits;
  readonly page?: PageLimits;
  /** Set for a node of a cluster; an edge takes no homes. */
  readonly cluster?: { readonly takesHomes: boolean } | undefined;
}

/** A page of the log, as what may be replayed and what a `history` result may hold. */
const PAGE: PageLimits = { limit: WIRE_LIMITS.replayPerChannelMax, bytesMax: WIRE_LIMITS.historyBytesMax };

const MAILBOX_MAX = 1_024;

/** A user who only publishes, or is only published to, has a home for this long at most, however long rooms may be idle. */
const USER_IDLE_MAX_MS = 300_000;

const FOR_EVER = { broadcast: 0, user: 0, room: 0 } as const;

/** Every kind of actor of a node. The engine and the simulator run the same ones (D17). */
export function program(options: ProgramOptions): readonly Behaviour<never, never, never>[] {
  const { node, incarnation, log, autoCreate, graceMs, connection, allowance, cluster } = options;
  const writer = cluster ? { ...options.writer, isPlaced: true } : options.writer;
  const { page = PAGE, mailboxMax = MAILBOX_MAX, keepMs = FOR_EVER, hooks } = options;
  const home: HomeOptions = { incarnation, writer, graceMs, allowance, mailboxMax };
  const deadlineMs = writer.logDeadlineMs;
  const reach: Reach = { isReached: true };
  const behaviours = [
    connectionBehaviour({
      node,
      log,
      autoCreate,
      limits: connection,
      authorizeMs: hooks?.asked.has('authorize') ? hooks.deadlineMs : undefined,
      roomsCreate: options.roomsCreate ?? 'users',
      reach,
    }),
    relayBehaviour({ incarnation, deadlineMs, retryAfterMs: connection.retryAfterMs, page }),
    roomBehaviour({ ...home, autoCreate, vetted: askedOfMessages(hooks) }),
    userBehaviour({ ...home, writer: { ...writer, idleMs: Math.min(writer.idleMs, USER_IDLE_MAX_MS) } }),
    broadcastBehaviour(home),
    logBehaviour({
      incarnation,
      limits: options.logLimits,
      ...(options.commit ? { commit: options.commit } : {}),
    }),
    sessionsBehaviour({
      incarnation,
      intervalMs: connection.heartbeatIntervalMs,
      deadlineMs,
      tokenTtlMaxMs: options.tokenTtlMaxMs,
      isClustered: cluster !== undefined,
    }),
    directoryBehaviour({ deadlineMs, retryAfterMs: connection.retryAfterMs }),
    drainBehaviour(DRAIN_LIMITS, cluster !== undefined),
    leaseBehaviour({ node, incarnation, cluster }),
    ...(cluster ? [viewBehaviour({ incarnation, reach, ...cluster })] : []),
    overlapBehaviour({ incarnation, deadlineMs }),
    canaryBehaviour(node, options.isHere ?? (() => true)),
    retentionBehaviour({ keepMs, deadlineMs }),
    ...hooksIfAny(incarnation, hooks, connection),
  ];
  return behaviours as unknown as readonly Behaviour<never, never, never>[];
}

function askedOfMessages(hooks: HookOptions | undefined): AskedOfMessages | undefined {
  const [first, second] = (['authorize', 'beforeMessage'] as const).filter((name) => hooks?.asked.has(name));
  return hooks && first ? { first, second, hookMs: hooks.deadlineMs } : undefined;
}

function hooksIfAny(
  incarnation: Incarnation,
  hooks: HookOptions | undefined,
  { frameBytes, retryAfterMs }: ConnectionLimits,
) {
  return hooks ? [hooksBehaviour({ ...hooks, incarnation, frameBytes, retryAfterMs })] : [];
}
