import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { createMiddleware } from 'hono/factory';
import type { Admission } from './admission.ts';
import { bearerToken } from './bearer.ts';
import type { Origins } from './origins.ts';
import type { RateLimit } from './rate-limit.ts';
import { Refused, type HttpRefusal } from './refusal.ts';
import type { Caller } from './rest-service.ts';

/** What a handler reads from its context. */
export interface HttpEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: { caller: Caller };
}

export interface GuardOptions {
  readonly origins: Origins;
  /** Why the node accepts nothing right now; undefined when it does. */
  readonly closedBecause: () => HttpRefusal | undefined;
}

/** Runs before each route of the API, in the order of HS3: the node must be open, and the page's origin allowed. */
export function openGuard({ origins, closedBecause }: GuardOptions) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const refusal = closedBecause() ?? origins.refusal(context.req.header('origin'));
    if (refusal) throw new Refused(refusal);
    await next();
  });
}

/** The only function that reads the rights of a request: its user, and whether they are an admin. */
export function tokenGuard(admission: Admission) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const token = bearerToken(context.req.header('authorization'));
    const caller = await admission.caller(context.env.incoming, token);
    if ('code' in caller) throw new Refused(caller);
    context.set('caller', caller);
    await next();
  });
}

/** Limits the requests of a user per minute, without messages (RS7). */
export function rateGuard(limit: RateLimit) {
  return createMiddleware<HttpEnv>(async (context, next) => {
    await spendRequest(limit, context.get('caller'));
    await next();
  });
}

/** How long the server delays a refusal to a user who continues after hundreds of refusals. */
const KEPT_BACK_MS = 250;

/**
 * For requests that cost nothing unless they are refused. A user who has nothing left gets a delayed refusal before any
 * work. Otherwise twenty connections that retry with each answer would keep the node busy with refusals.
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
