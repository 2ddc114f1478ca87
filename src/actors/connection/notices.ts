import { CLOSE_CODES, type SocketErrorCode } from '../../protocol/codes.ts';
import type { Feature, Welcome } from '../../protocol/pushes.ts';
import { isoTime } from '../../protocol/time.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { PutOffReason } from '../messages/terms.ts';
import type { ConnectionContext } from './context.ts';

/** The first frame (HS5). `heads`: those of the two channels of every connection, if they could be read. */
export function welcomeFrame(
  { address, user, options, credentials }: ConnectionContext,
  heads: NonNullable<Welcome['channels']> | 'unknown',
  turn: Turn,
): string {
  const { node, log, limits } = options;
  const data: Welcome = {
    connection: address,
    user,
    node,
    protocol: PROTOCOL_VERSION,
    log: log(),
    heartbeat: { intervalMs: limits.heartbeatIntervalMs, timeoutMs: limits.heartbeatTimeoutMs },
    limits: { frameBytes: limits.frameBytes, messagesPerMinute: limits.messagesPerMinute },
    ...(heads === 'unknown' ? {} : { channels: heads }),
    expiresAt: isoTime(credentials.expiresAt),
    time: isoTime(turn.wall),
  };
  return JSON.stringify({ type: 'notification', action: 'welcome', data });
}

/** A connection that was closed with one of these gets its user no grace (LC3). */
export const WITHOUT_GRACE: ReadonlySet<number> = new Set([
  CLOSE_CODES.heartbeat_timeout,
  CLOSE_CODES.session_revoked,
  CLOSE_CODES.too_many_bad_frames,
  CLOSE_CODES.rate_abuse,
]);

/** The codes with which requests under way are answered for a room that has put the connection off. */
export const EVICTED_CODES = {
  removed: 'forbidden',
  closed: 'gone',
  lost: 'not_found',
  unconfirmed: 'unavailable',
} as const satisfies Record<PutOffReason, SocketErrorCode>;

/** The notification for a connection that a room has put off (JW4). */
export function evictedFrame(room: string, user: string, reason: PutOffReason): string {
  const notice =
    reason === 'closed'
      ? { action: 'room_closed', room, data: {} }
      : { action: 'left', room, data: { users: [user], reason: 'removed' } };
  return JSON.stringify({ type: 'notification', ...notice });
}

/** The features that do not work after some of `among` have broken, and its others work. Undefined if nothing changes. */
export function nowBroken(
  before: readonly Feature[],
  among: readonly Feature[],
  broken: readonly Feature[],
): readonly Feature[] | undefined {
  const features = [...broken, ...before.filter((one) => !among.includes(one))].toSorted();
  return features.join() === before.join() ? undefined : features;
}

export function degradedFrame(features: readonly Feature[]): string {
  return JSON.stringify({ type: 'notification', action: 'degraded', data: { features } });
}
