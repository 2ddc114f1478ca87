import { setTimeout as sleep } from 'node:timers/promises';
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { IdleSockets } from './idle-sockets.ts';
import { isToWebSocket } from './ignored-upgrade.ts';
import { refusalAnswer } from './refusal.ts';

/** A request, head and body, that is not complete by then is cut off (HS4); so is a socket that sends nothing. */
export const REQUEST_MS = 10_000;

/** After which a socket on which nothing moves is cut: its client does not read what it asked for. */
const IDLE_MS = 30_000;

/**
 * How long a connection is kept for a next request: longer than balancers keep theirs, 60 s as a rule. Whoever closes
 * first must be the balancer: closed by us while its next request is on the way, it would answer 502.
 */
export const KEEP_ALIVE_MS = 65_000;

/** How often a server that closes looks for connections that have had their last answer. */
const SWEEP_MS = 50;

export interface HttpServerOptions {
  /** {@link REQUEST_MS} unless given. */
  readonly requestMs?: number | undefined;
  readonly idleMs?: number | undefined;
  /** Whose sockets are many people's (LM12); nobody's unless given. */
  readonly isProxy?: ((remoteAddress: string) => boolean) | undefined;
}

/** A server that is not kept waiting by its clients. */
export function createHttpServer(
  listener: RequestListener,
  { requestMs = REQUEST_MS, idleMs = IDLE_MS, isProxy = () => false }: HttpServerOptions = {},
): Server {
  const options = {
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(1_000, requestMs / 10),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The listener answers it, as it answers everything.
    requireHostHeader: false,
    // Node 24.9 and newer ask; for older ones see ignored-upgrade.ts.
    shouldUpgradeCallback: (request: IncomingMessage): boolean =>
      server.listenerCount('upgrade') > 0 && isToWebSocket(request),
  };
  const server = createServer(options, listener);
  new IdleSockets(isProxy).watch(server);
  server.timeout = idleMs;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseSocket(socket, error));
  server.on('checkExpectation', (_request, response) => {
    const message = 'the header Expect may only be 100-continue';
    const { status, headers, body } = refusalAnswer({ code: 'bad_request', message });
    response.writeHead(status, { ...headers, connection: 'close' }).end(body);
  });
  return server;
}

/** What is no HTTP request, or not in time, gets an answer if none is on its way. */
function refuseSocket(socket: Duplex & { _httpMessage?: unknown }, error: NodeJS.ErrnoException): void {
  if (socket.writable && error.code !== 'ECONNRESET' && !socket._httpMessage) {
    const message = CLIENT_ERRORS[error.code ?? ''] ?? 'this is not an HTTP/1.1 request';
    const { status, body } = refusalAnswer({ code: 'bad_request', message });
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy();
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'the request did not come in time',
  HPE_HEADER_OVERFLOW: 'the headers are too large',
};

/** Takes no more; what is being answered is finished, for a while. */
export async function closeServer(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // Else each that is answered meanwhile would be kept for a next request, which is not taken any more.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await Promise.race([closed, sleep(withinMs, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
}
