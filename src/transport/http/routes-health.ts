import type { Hono } from 'hono';
import type { HttpEnv } from './guards.ts';

/** Whether a load balancer should send clients here (RS5). */
export interface Readiness {
  readonly isReady: boolean;
  /** Why not, in one word. */
  readonly because?: string | undefined;
  /** Features that are degraded on every node, so that another node would not help. */
  readonly degraded: readonly string[];
  /** Every broken dependency, whether or not another node would be better off. */
  readonly broken: readonly string[];
}

/** `/healthz` and `/readyz`. `/readyz?strict` also fails for each broken dependency (RS5). */
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
