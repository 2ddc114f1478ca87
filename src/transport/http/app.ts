import type { RequestListener } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import { Hono, type Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { WS_PATH } from '../ws/handshake.ts';
import type { Admission } from './admission.ts';
import { badRequest } from './body.ts';
import { openGuard, rateGuard, tokenGuard, type GuardOptions, type HttpEnv } from './guards.ts';
import { DOCUMENT } from './openapi.ts';
import { pageRoutes, type PageFiles } from './pages.ts';
import { RateLimit } from './rate-limit.ts';
import { refusalAnswer, refusalOf, Refused, type HttpRefusal } from './refusal.ts';
import type { RestService } from './rest-service.ts';
import { devTokenRoute } from './routes-dev-token.ts';
import { healthRoutes, type Readiness } from './routes-health.ts';
import { complaint, messageRoutes } from './routes-messages.ts';

interface AppOptions {
  readonly readiness: () => Readiness | Promise<Readiness>;
  readonly onRefused: (refusal: HttpRefusal) => void;
  /** A bug in the server. */
  readonly onFault: (error: unknown) => void;
}

export interface PublicAppOptions extends AppOptions, GuardOptions {
  readonly admission: Admission;
  readonly service: RestService;
  /** The largest body in bytes (FR1). */
  readonly bodyBytes: number;
  /** Requests per user and minute, without messages (RS7); 0: no limit. */
  readonly requestsPerMinute: number;
  /** The chat page, for development only. */
  readonly chat?: ChatPage | undefined;
}

/** A page to chat with, and the source of its tokens. */
interface ChatPage {
  readonly files: PageFiles;
  readonly tokenFor: (user: string) => Promise<string>;
}

export interface AdminAppOptions extends AppOptions {
  /** The metrics in the format of Prometheus. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

/** The public port, without upgrades: `/v1/*`, health, and a plain `GET /ws`. */
export function publicApp(options: PublicAppOptions): RequestListener {
  const { origins, admission } = options;
  const app = new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw badRequest(complaint(result.error));
    },
  });
  app.use('*', async (context, next) => {
    await next();
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-store');
  });
  for (const path of ['/healthz', '/readyz']) app.use(path, origins.cors(false));
  for (const path of ['/v1/*', WS_PATH]) app.use(path, origins.cors(true));
  healthRoutes(app, options.readiness);
  app.all(WS_PATH, async (context) => {
    const admitted = await admission.check(context.env.incoming, false);
    throw new Refused('code' in admitted ? admitted : UPGRADE_REQUIRED);
  });
  apiRoutes(app, options);
  if (options.chat) {
    pageRoutes(app, options.chat.files);
    devTokenRoute(app, options.chat.tokenFor);
  }
  return listener(app, options);
}

function apiRoutes(app: OpenAPIHono<HttpEnv>, options: PublicAppOptions): void {
  const requests = new RateLimit(options.requestsPerMinute, 60);
  const open = openGuard(options);
  messageRoutes(app, {
    service: options.service,
    bodyBytes: options.bodyBytes,
    guards: [open, tokenGuard(options.admission)],
    requests,
    refused: new RateLimit(options.requestsPerMinute, 60),
    rateGuard: rateGuard(requests),
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  let document: object | undefined;
  app.get('/v1/openapi.json', open, (context) =>
    context.json((document ??= app.getOpenAPI31Document(DOCUMENT))),
  );
}

/** The admin port: health and metrics. */
export function adminApp(options: AdminAppOptions): RequestListener {
  const app = new Hono<HttpEnv>();
  healthRoutes(app, options.readiness);
  app.get('/metrics', async (context) => {
    const { contentType, body } = await options.metrics();
    return context.body(body, 200, { 'content-type': contentType });
  });
  return listener(app, options);
}

/** The only function that turns errors into answers. */
function listener(app: Hono<HttpEnv>, { onRefused, onFault }: AppOptions): RequestListener {
  const answer = (refusal: HttpRefusal): Response => {
    onRefused(refusal);
    const { body, ...init } = refusalAnswer(refusal);
    return new Response(body, init);
  };
  const answerError = (error: unknown): Response => {
    const refusal = refusalOf(error) ?? clientFault(error);
    if (!refusal) onFault(error);
    return answer(refusal ?? INTERNAL);
  };
  app.onError(answerError);
  app.notFound(({ req }: Context) =>
    answer({ code: 'not_found', message: `there is nothing at ${req.method} ${req.path}` }),
  );
  const listen = getRequestListener((request, env) => app.fetch(request, env), {
    // An application that embeds an engine keeps its own globals.
    overrideGlobalObjects: false,
    hostname: 'localhost',
    errorHandler: answerError,
  });
  return (request, response) => void listen(request, response);
}

function clientFault(error: unknown): HttpRefusal | undefined {
  const isTheirs = (error instanceof HTTPException && error.status < 500) || error instanceof RequestError;
  return isTheirs ? { code: 'bad_request', message: error.message } : undefined;
}

const UPGRADE_REQUIRED: HttpRefusal = {
  code: 'upgrade_required',
  message: 'the handshake would succeed: connect by WebSocket',
};

const INTERNAL: HttpRefusal = { code: 'internal', message: 'a fault of the node' };
