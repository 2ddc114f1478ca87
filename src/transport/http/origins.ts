import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { Refused, type HttpRefusal } from './refusal.ts';

/** How long a browser may cache the answer to a preflight, in seconds. */
const PREFLIGHT_S = 600;

/** The origins that may use this node (LM4, RS6). */
export class Origins {
  readonly #allowed: ReadonlySet<string>;

  /** An empty list allows all. */
  constructor(allowed: readonly string[]) {
    this.#allowed = new Set(allowed);
  }

  /** Why the server refuses an origin. A client that is no browser sends none, and passes. */
  refusal(origin: string | undefined): HttpRefusal | undefined {
    if (origin === undefined || this.#allowed.size === 0 || this.#allowed.has(origin)) return undefined;
    return { code: 'origin_not_allowed', message: 'this origin may not connect here' };
  }

  /**
   * Lets pages of these origins read the answers. `isStrict`: other origins get a refusal for a preflight, not just no
   * permission.
   */
  cors(isStrict: boolean): MiddlewareHandler {
    const answer = cors({
      origin: this.#allowed.size === 0 ? '*' : (origin) => (this.#allowed.has(origin) ? origin : null),
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
      exposeHeaders: ['Retry-After', 'Date'],
      maxAge: PREFLIGHT_S,
    });
    if (!isStrict) return answer;
    return (context, next) => {
      const refusal = context.req.method === 'OPTIONS' && this.refusal(context.req.header('origin'));
      if (refusal) throw new Refused(refusal);
      return answer(context, next);
    };
  }
}
