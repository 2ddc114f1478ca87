import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { createMiddleware } from 'hono/factory';
import type { Admission } from './admission.ts';
import { bearerToken } from './bearer.ts';
import type { Origins } from './origins.ts';
import type { RateLimit } from './rate-limit.ts';
import { Refused, type HttpRefusal } from './refusal.ts';
import type { Caller } from './rest-service.ts';

/** What a handler finds in its context. */
export interface HttpEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: { caller: Caller };
}

export interface GuardOptions {
  readonly origins: Origins;
  /** Why nothing is taken right now, if so. */
  readonly closedBecause: () => HttpRefusal | undefined;
}

/** Before every route of the API, in the order of HS3: is the node open, and is the page allowed. */
export function openGuard({ origins, closedBecause }: GuardOptions) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const refusal = closedBecause() ?? origins.refusal(context.req.header('origin'));
    if (refusal) throw new Refused(refusal);
    await next();
  });
}

/** The one place where the rights of a request are read: who it is, and whether an admin. */
export function tokenGuard(admission: Admission) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const token = bearerToken(context.req.header('authorization'));
    const caller = await admission.caller(context.env.incoming, token);
    if ('code' in caller) throw new Refused(caller);
    context.set('caller', caller);
    await next();
  });
}

/** Requests a user may make in a minute, messages apart (RS7). */
export function rateGuard(limit: RateLimit) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    await spendRequest(limit, context.get('caller'));
    await next();
  });
}

/** How long a refusal is kept back from a user who has gone on in spite of hundreds. */
const KEPT_BACK_MS = 250;

/**
 * Before what costs nothing unless it is refused: a user with nothing left is told so before the work, and not at once. Twenty
 * connections that ask again with each answer would keep the node busy with refusing them.
 */
export function spentGuard(limit: RateLimit) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const retryAfterMs = await limit.look(context.get('caller').user);
    if (retryAfterMs > 0) await sleep(KEPT_BACK_MS, undefined, { ref: false });
    refuseFor(retryAfterMs);
    await next();
  });
}

export async function spendRequest(limit: RateLimit, { user }: Caller): Promise<void> {
  refuseFor(await limit.take(user));
}

function refuseFor(retryAfterMs: number): void {
  if (retryAfterMs > 0)
    throw new Refused({ code: 'rate_limited', message: 'too many requests in this minute', retryAfterMs });
}
