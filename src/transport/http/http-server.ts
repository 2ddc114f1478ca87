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

/** The server cuts a request whose head and body take longer (HS4), and a socket that sends nothing for as long. */
export const REQUEST_MS = 10_000;

/** The server cuts a socket without traffic after this time: its client does not read the answer. */
const IDLE_MS = 30_000;

/**
 * How long the server keeps an idle connection: longer than balancers do, which usually take 60 s. The balancer must close
 * first. If the node closed first, the balancer would answer an in-flight request with 502.
 */
export const KEEP_ALIVE_MS = 65_000;

/** How often a closing server looks for idle connections. */
const SWEEP_MS = 50;

export interface HttpServerOptions {
  /** Default {@link REQUEST_MS}. */
  readonly requestMs?: number | undefined;
  readonly idleMs?: number | undefined;
  /** Whether an address is that of a proxy, which serves many clients (LM12); by default none is. */
  readonly isProxy?: ((remoteAddress: string) => boolean) | undefined;
}

/** A server that slow clients cannot block. */
export function createHttpServer(
  listener: RequestListener,
  { requestMs = REQUEST_MS, idleMs = IDLE_MS, isProxy = () => false }: HttpServerOptions = {},
): Server {
  const options = {
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(1_000, requestMs / 10),
    keepAliveTimeout: KEEP_ALIVE_MS,
    // The application answers such a request, as it does every other.
    requireHostHeader: false,
    // Node 24.9 and newer call this. For older versions see ignored-upgrade.ts.
    shouldUpgradeCallback: (request: IncomingMessage): boolean =>
      server.listenerCount('upgrade') > 0 && isToWebSocket(request),
  };
  const server = createServer(options, listener);
  new IdleSockets(isProxy).watch(server);
  // With `server.timeout` every socket would keep its timer, also after its upgrade.
  const limitIdle = ({ socket }: IncomingMessage): void => void socket.setTimeout(idleMs);
  server.on('request', limitIdle);
  server.on('checkExpectation', limitIdle);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseSocket(socket, error));
  server.on('checkExpectation', (_request, response) => {
    const message = 'the header Expect may only be 100-continue';
    const { status, headers, body } = refusalAnswer({ code: 'bad_request', message });
    response.writeHead(status, { ...headers, connection: 'close' }).end(body);
  });
  return server;
}

/** Answers a malformed or late request, unless an answer has begun. */
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

/** Accepts nothing more and finishes the current answers, within the given time. */
export async function closeServer(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // Otherwise each connection would wait for a next request after its answer, and the server accepts none.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  await Promise.race([closed, sleep(withinMs, undefined, { ref: false })]);
  clearInterval(sweep);
  server.closeAllConnections();
}
