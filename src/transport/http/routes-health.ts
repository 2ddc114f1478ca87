import type { Hono } from 'hono';
import type { HttpEnv } from './guards.ts';

/** Whether a balancer should send clients here (RS5). */
export interface Readiness {
  readonly isReady: boolean;
  /** Why it is not, in a word. */
  readonly because?: string | undefined;
  /** What works worse on every node, so that another one would be no cure. */
  readonly degraded: readonly string[];
  /** Every link that is broken, whether or not another node would be better off. */
  readonly broken: readonly string[];
}

/** `/healthz` and `/readyz`; the latter with `?strict` for each broken link (RS5). */
export function healthRoutes(app: Hono<HttpEnv>, readiness: () => Readiness | Promise<Readiness>): void {
  app.get('/healthz', (context) => context.json({ status: 'alive' }));
  app.get('/readyz', async (context) => {
    const { isReady, because, degraded, broken } = await readiness();
    const isStrict = context.req.query('strict') !== undefined;
    const more = {
      ...(degraded.length > 0 ? { degraded } : {}),
      ...(isStrict && broken.length > 0 ? { broken } : {}),
    };
    if (isReady && !(isStrict && broken.length > 0)) return context.json({ status: 'ready', ...more });
    return context.json({ status: 'not ready', because: because ?? broken[0], ...more }, 503);
  });
}
