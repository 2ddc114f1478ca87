import type { PostAnswer, PostRequest, Refusal as NotIn } from 'vagus-client/core';
import { homeAddress, type Published } from '../../actors/messages/home.ts';
import { isRefusal, type Refusal } from '../../actors/messages/terms.ts';
import { LOG } from '../../actors/messages/log.ts';
import { judged } from '../../actors/kit/standing.ts';
import { roomChannel, userChannel } from '../../protocol/channels.ts';
import { ERROR_CODES, type ErrorCodeName } from '../../protocol/codes.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Claims, Verdict } from '../../runtime/ports/tokens.ts';
import type { ActorSystem } from '../../runtime/system.ts';

const DEADLINE_MS = 10_000;
const ALLOWANCE_MS = 300;

function refused(code: ErrorCodeName, retryAfterMs?: number): PostAnswer {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { status: ERROR_CODES[code].status, body: { code, message: code, ...wait } };
}

export const UNAUTHORIZED = refused('unauthorized');
export const UNDECIDED = refused('unavailable', 1_000);
export const DRAINING = refused('draining', 1_000);

/** The answer to a refused handshake. */
export function refusedBecause({ message, isUndecided, retryAfterMs }: Verdict & { ok: false }): NotIn {
  if (isUndecided) return { code: 'unavailable', retryAfterMs: retryAfterMs ?? 1_000 };
  if (message.includes('going away')) return { code: 'draining' };
  return { code: message.includes('too many') ? 'too_many_connections' : 'unauthorized' };
}

/** Whether a user has reached the limit of connections (LM6). The engine asks in the same way. */
export function askForPlace(system: ActorSystem, user: string, done: (isFull: boolean) => void): void {
  const options = { deadlineMs: ALLOWANCE_MS };
  system.ask(homeAddress(userChannel(user)), { type: 'admit', isKept: true }, options, (answer) =>
    done(answer.ok && answer.body.isFull),
  );
}

/** Judges a good token by its session (JW5), as the engine does. */
export function judge(system: ActorSystem, verdict: Verdict, done: (verdict: Verdict) => void): void {
  if (!verdict.ok) return done(verdict);
  const { user, session, issuedAt } = verdict.claims;
  const message = { type: 'standing', key: { user, session, issuedAt, openedAt: undefined } } as const;
  system.ask(LOG, message, { deadlineMs: DEADLINE_MS }, (answer) => {
    const reply = answer.ok ? answer.body : undefined;
    done(judged(verdict, reply?.ok ? reply.value : undefined));
  });
}

/** A message over HTTP (RS1). Like the engine it asks first the user's home, then the room's. */
export function post(
  system: ActorSystem,
  { user, session, issuedAt }: Claims,
  { room, body }: PostRequest,
  done: (answer: PostAnswer) => void,
): void {
  const { id, content } = JSON.parse(body) as { readonly id: string; readonly content: string };
  const origin = { address: undefined, key: { user, session, issuedAt, openedAt: undefined } };
  const entry = { id, sender: user, content, data: null, sentAt: null };
  const message = { type: 'publish', entry, by: { user, isAdmin: false, origin } } as const;
  const spend = { deadlineMs: ALLOWANCE_MS };
  system.ask(homeAddress(userChannel(user)), { type: 'spend' }, spend, (spent) => {
    const restMs = spent.ok ? spent.body.retryAfterMs : 0;
    if (restMs > 0) return done(refused('rate_limited', restMs));
    system.ask(homeAddress(roomChannel(room)), message, { deadlineMs: DEADLINE_MS, lane: 'user' }, (answer) =>
      done(answerOf(room, id, answer)),
    );
  });
}

function answerOf(room: string, id: string, answer: Answer<Published | Refusal>): PostAnswer {
  if (!answer.ok) return refused(answer.taken ? 'outcome_unknown' : 'unavailable', 1_000);
  if (isRefusal(answer.body)) return refused(answer.body.error, answer.body.retryAfterMs);
  const { seq, at, isDuplicate } = answer.body;
  const body = { room, id, seq, timestamp: isoTime(at), ...(isDuplicate ? { duplicate: true } : {}) };
  return { status: isDuplicate ? 200 : 201, body };
}
