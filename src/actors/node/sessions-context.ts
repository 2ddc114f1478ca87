import type { Revocation, SessionKey } from '../../protocol/revocation.ts';
import type { Answer, Awaits, ReplyTo } from '../../runtime/ports/actor.ts';
import type { ConnectionAddress } from '../messages/connection.ts';
import type { LogReply, StoreAnswer } from '../messages/log.ts';

/** What the store was asked. */
export type SessionsContext = RoundContext | NewerContext | RevokeContext | UnrevokeContext | PruneContext;

/** A look-up of these sessions, each at the place of its connection. */
export interface RoundContext extends Awaits<StoreAnswer<'revoked'>> {
  readonly for: 'round';
  readonly addresses: readonly ConnectionAddress[];
  readonly keys: readonly SessionKey[];
}

/** A read of revocations and removals with higher numbers than this node knows. */
export interface NewerContext extends Awaits<StoreAnswer<'revokedAfter'>> {
  readonly for: 'newer';
  /** The newest number, as the node asked. */
  readonly newest: number;
}

interface RevokeContext extends Omit<Revocation, 'at'>, Awaits<StoreAnswer<'revoke'>> {
  readonly for: 'revoke';
  readonly replyTo: ReplyTo | undefined;
}

interface UnrevokeContext extends Pick<Revocation, 'user' | 'session'>, Awaits<StoreAnswer<'unrevoke'>> {
  readonly for: 'unrevoke';
  readonly replyTo: ReplyTo | undefined;
}

interface PruneContext extends Awaits<StoreAnswer<'pruneRevocations'>> {
  readonly for: 'prune';
}

/** The log's value, or undefined without one. */
export function valueIn<Value>(answer: Answer<LogReply<Value>>): Value | undefined {
  return answer.ok && answer.body.ok ? answer.body.value : undefined;
}
