import { LOG, type LogMessage, type LogReply } from './actors/messages.ts';
import type { Ended, SessionsMessage } from './actors/services.ts';
import { judged } from './actors/standing.ts';
import { check, EngineError, RETRY_AFTER_MS } from './engine-error.ts';
import { SessionId, UserId } from './protocol/ids.ts';
import type { Revocation, SessionKey } from './protocol/revocation.ts';
import type { SessionFinding } from './runtime/ports/log-store.ts';
import type { Verdict } from './runtime/ports/tokens.ts';
import type { ActorSystem } from './runtime/system.ts';
import { UndatedTokens } from './undated-tokens.ts';

/** How long a look-up may take. */
const DEADLINE_MS = 10_000;

/** What is ended. */
export type ToRevoke =
  | { readonly user: string; readonly before?: number; readonly session?: never }
  | { readonly session: string; readonly user?: never; readonly before?: never };

/** What came of ending sessions. */
export interface Revoked {
  /** When, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /**
   * Those of its users who have come with tokens without `iat`, as far as this engine has seen: such tokens are refused, new
   * ones too, until it is taken back (`unrevoke`). Empty when all have `iat`.
   */
  readonly withoutIat: readonly string[];
}

/** One of the two: what is missing is missing, so that nobody's sessions go on who should have none. */
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

/** No issuer's clock is ahead by more; milliseconds, given by mistake, would refuse a user for ever. */
const CUT_AHEAD_MAX_S = 86_400;

function checkCut(before: number, { user }: Pick<Revocation, 'user'>): void {
  if (user === null)
    throw new EngineError('bad_request', 'before: a session is ended whenever its tokens were issued');
  if (typeof before !== 'number' || !(before >= 0 && before <= Date.now() / 1_000 + CUT_AHEAD_MAX_S))
    throw new EngineError('bad_request', 'before: must be seconds since 1970, at most a day from now');
}

/** Sessions that are ended, taken back, and looked up (JW5). */
export class SessionCommands {
  readonly #system: ActorSystem;
  /** Asks who watches the sessions of this node; rejects with an {@link EngineError}. */
  readonly #ask: (message: SessionsMessage) => Promise<unknown>;
  readonly #undated = new UndatedTokens();

  constructor(system: ActorSystem, ask: (message: SessionsMessage) => Promise<unknown>) {
    this.#system = system;
    this.#ask = ask;
  }

  async revoke(which: ToRevoke): Promise<Revoked> {
    const meant = oneOf(which);
    const before = which.before ?? null;
    if (before !== null) checkCut(before, meant);
    const withoutIat = this.#undated.usersOf(meant);
    const message = { type: 'revoke', ...meant, before, isLasting: withoutIat.length > 0 } as const;
    const ended = (await this.#ask(message)) as Ended | false;
    if (ended === false)
      throw new EngineError('unavailable', 'the revocation could not be stored', RETRY_AFTER_MS);
    return { at: ended.at, withoutIat };
  }

  async unrevoke(which: { readonly user?: string; readonly session?: string }): Promise<boolean> {
    const had = (await this.#ask({ type: 'unrevoke', ...oneOf(which) })) as boolean | null;
    if (had === null)
      throw new EngineError('unavailable', 'the revocation could not be taken back', RETRY_AFTER_MS);
    return had;
  }

  /** A good token is good if its session is, as far as that can be known right now. */
  judge(verdict: Verdict, done: (verdict: Verdict) => void): void {
    if (!verdict.ok) return done(verdict);
    const { user, session, issuedAt } = verdict.claims;
    const key: SessionKey = { user, session, issuedAt, openedAt: undefined };
    this.#undated.note(key);
    const message: LogMessage = { type: 'standing', key };
    this.#system.ask(LOG, message, { deadlineMs: DEADLINE_MS, lane: 'system' }, (answer) => {
      const reply = answer.ok ? (answer.body as LogReply<SessionFinding>) : undefined;
      const finding = reply?.ok ? reply.value : undefined;
      if (finding?.standing === 'ended' && issuedAt === undefined) this.#hold(key);
      done(judged(verdict, finding));
    });
  }

  /** Nothing says when a token without `iat` is none of those that were ended: that is not forgotten by itself. */
  #hold(key: SessionKey): void {
    if (!this.#undated.isFirstRefusal(key)) return;
    const request = { call: 'holdRevocations', user: key.user, session: key.session ?? null } as const;
    this.#system.tell(LOG, { type: 'call', request }, 'system');
  }
}
