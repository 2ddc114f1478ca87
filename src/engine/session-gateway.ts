import { LOG } from '../actors/messages/log.ts';
import type { SessionsMessage } from '../actors/messages/node.ts';
import { judged } from '../actors/kit/standing.ts';
import { check, EngineError, RETRY_AFTER_MS } from './engine-error.ts';
import { SessionId, UserId } from '../protocol/ids.ts';
import type { Revocation, SessionKey } from '../protocol/revocation.ts';
import type { AnswerTo } from '../runtime/ports/actor.ts';
import type { Verdict } from '../runtime/ports/tokens.ts';
import type { ActorSystem } from '../runtime/system.ts';
import { UndatedTokens } from './undated-tokens.ts';

/** How long a look-up may take. */
const DEADLINE_MS = 10_000;

/** The sessions to revoke. */
export type ToRevoke =
  | { readonly user: string; readonly before?: number; readonly session?: never }
  | { readonly session: string; readonly user?: never; readonly before?: never };

/** The result of a revocation. */
export interface Revoked {
  /** When it was made, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /**
   * Its users who have used tokens without `iat`, as far as this engine has seen. Such tokens are refused, new ones too,
   * until `unrevoke`. Empty when all tokens have `iat`.
   */
  readonly withoutIat: readonly string[];
}

/** Requires exactly one of the two: with neither, sessions that should end would continue. */
function oneOf(which: {
  readonly user?: string;
  readonly session?: string;
}): Pick<Revocation, 'user' | 'session'> {
  const { user, session } = which ?? {};
  if ((user === undefined) === (session === undefined))
    throw new EngineError('bad_request', 'name either a user or a session: { user } or { session }');
  if (user !== undefined) check(UserId, user, 'user');
  if (session !== undefined) check(SessionId, session, 'session');
  return { user: user ?? null, session: session ?? null };
}

/** No issuer's clock is this far ahead. A value in milliseconds, passed by mistake, would refuse a user for ever. */
const CUT_AHEAD_MAX_S = 86_400;

function checkCut(before: number, { user }: Pick<Revocation, 'user'>): void {
  if (user === null)
    throw new EngineError('bad_request', 'before: a session is ended whenever its tokens were issued');
  if (typeof before !== 'number' || !(before >= 0 && before <= Date.now() / 1_000 + CUT_AHEAD_MAX_S))
    throw new EngineError('bad_request', 'before: must be seconds since 1970, at most a day from now');
}

type AskSessions = <const Sent extends SessionsMessage>(
  message: Sent,
) => Promise<AnswerTo<SessionsMessage, Sent>>;

/** Revokes sessions, undoes that, and looks sessions up (JW5). */
export class SessionCommands {
  readonly #system: ActorSystem;
  /** Asks the actor that watches this node's sessions. Rejects with an {@link EngineError}. */
  readonly #ask: AskSessions;
  readonly #undated = new UndatedTokens();

  constructor(system: ActorSystem, ask: AskSessions) {
    this.#system = system;
    this.#ask = ask;
  }

  async revoke(which: ToRevoke): Promise<Revoked> {
    const meant = oneOf(which);
    const before = which.before ?? null;
    if (before !== null) checkCut(before, meant);
    const withoutIat = this.#undated.usersOf(meant);
    const message = { type: 'revoke', ...meant, before, isLasting: withoutIat.length > 0 } as const;
    const ended = await this.#ask(message);
    if (ended === false)
      throw new EngineError('unavailable', 'the revocation could not be stored', RETRY_AFTER_MS);
    return { at: ended.at, withoutIat };
  }

  async unrevoke(which: { readonly user?: string; readonly session?: string }): Promise<boolean> {
    const had = await this.#ask({ type: 'unrevoke', ...oneOf(which) });
    if (had === null)
      throw new EngineError('unavailable', 'the revocation could not be undone', RETRY_AFTER_MS);
    return had;
  }

  /** Judges a good token by its session, as far as the store can answer right now. */
  judge(verdict: Verdict, done: (verdict: Verdict) => void): void {
    if (!verdict.ok) return done(verdict);
    const { user, session, issuedAt } = verdict.claims;
    const key: SessionKey = { user, session, issuedAt, openedAt: undefined };
    this.#undated.note(key);
    const message = { type: 'standing', key } as const;
    this.#system.ask(LOG, message, { deadlineMs: DEADLINE_MS, lane: 'system' }, (answer) => {
      const reply = answer.ok ? answer.body : undefined;
      const finding = reply?.ok ? reply.value : undefined;
      if (finding?.standing === 'ended' && issuedAt === undefined) this.#hold(key);
      done(judged(verdict, finding));
    });
  }

  /** A token without `iat` could outlive the revocation, which therefore must not expire. */
  #hold(key: SessionKey): void {
    if (!this.#undated.isFirstRefusal(key)) return;
    const request = { call: 'holdRevocations', user: key.user, session: key.session ?? null } as const;
    this.#system.tell(LOG, { type: 'call', request }, 'system');
  }
}
