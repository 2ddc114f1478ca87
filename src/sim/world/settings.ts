import { CONNECTION_LIMITS } from '../../actors/connection/context.ts';
import { WRITER_LIMITS } from '../../actors/home/writer-limits.ts';
import { LOG_LIMITS } from '../../actors/log/log.ts';
import type { ProgramOptions } from '../../actors/behaviours.ts';
import { INBOUND_LIMITS, type InboundLimits } from '../../limits/inbound-budget.ts';
import { Random } from '../kit/random.ts';

/**
 * What differs between runs beside the faults. Bounds and delays are small enough to be reached, and depend on the seed.
 */
export interface Settings {
  readonly program: Omit<ProgramOptions, 'incarnation' | 'log'>;
  readonly outboundMaxBytes: number;
  readonly inbound: InboundLimits;
  readonly mailboxMax: number | undefined;
  /** The number of clients. Some users have two. */
  readonly clients: number;
  /** The average time between two acts of one client. */
  readonly actEveryMs: number;
  /** The share of large contents. */
  readonly largeShare: number;
}

const NODE = 'n1';

export function drawSettings(seed: number, isClustered = false): Settings {
  const random = new Random(seed, 'settings');
  const actEveryMs = random.pick([300, 600, 1_200]);
  const heartbeatIntervalMs = random.pick([3_000, 5_000, 10_000]);
  // Faster writers would never come to rest.
  const messagesPerMinute = actEveryMs > 300 ? random.pick([0, 0, 240]) : 0;
  const settings = {
    program: {
      node: NODE,
      ...(isClustered ? { cluster: { takesHomes: true } } : {}),
      autoCreate: true,
      graceMs: random.pick([500, 2_000, 5_000]),
      tokenTtlMaxMs: 86_400_000,
      allowance: { messagesPerMinute, connectionsMax: random.pick([0, 0, 3]) },
      connection: {
        ...CONNECTION_LIMITS,
        heartbeatIntervalMs,
        heartbeatTimeoutMs: heartbeatIntervalMs * 3,
        stallMs: random.pick([1_500, 4_000]),
        replayMax: random.pick([5, 40, 1_000]),
        inFlightMax: random.pick([64, 256]),
        roomsMax: random.pick([2, 100]),
        messagesPerMinute,
        signalsPerSecond: random.pick([0, 1]),
        requestsPerMinute: random.pick([0, 120, 600]),
        rateAbusePerMinute: random.pick([0, 300]),
      },
      writer: {
        ...WRITER_LIMITS,
        idleMs: random.pick([1_000, 5_000, 30_000]),
        pendingMax: random.pick([4, 64, 1_024]),
      },
      // A stream of its own, so that the draws of other settings do not change it.
      logLimits: { ...LOG_LIMITS, readBytesPerSecond: new Random(seed, 'reads').pick([0, 0, 65_536]) },
      commit: {
        channelEntries: random.pick([2, 64]),
        channelSize: 256 * 1024,
        statementEntries: random.pick([3, 512]),
        statementSize: 1024 * 1024,
        waitingEntries: random.pick([16, 100_000]),
        waitingSize: 64 * 1024 * 1024,
      },
      page: { limit: random.pick([3, 50, 1_000]), bytesMax: random.pick([4_096, 32_768]) },
    },
    outboundMaxBytes: random.pick([4_096, 32_768, 262_144]),
    mailboxMax: random.pick([8, 64, undefined]),
    clients: random.whole(4, 10),
    actEveryMs,
    largeShare: random.pick([0, 0.02, 0.1]),
  };
  const { rateAbusePerMinute } = settings.program.connection;
  const inboundBytesPerSecond = random.pick([0, 65_536, 1_048_576]);
  return { ...settings, inbound: { ...INBOUND_LIMITS, inboundBytesPerSecond, rateAbusePerMinute } };
}
