import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a path answers. */
export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
}

export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

/** A request that is not complete by then is cut off (HS4). */
const REQUEST_MS = 10_000;

/** A server of a few paths, each a GET. */
export function createHttpServer(routes: Routes): Server {
  const server = createServer(
    { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      void answer(routes, request, response);
    },
  );
  server.keepAliveTimeout = 5_000;
  return server;
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  const found: Answer =
    route && isReading
      ? await route()
      : {
          status: 404,
          body: JSON.stringify({
            code: 'not_found',
            message: `there is nothing at ${request.method} ${path}`,
          }),
        };
  response.writeHead(found.status, {
    'content-type': found.contentType ?? 'application/json; charset=utf-8',
  });
  response.end(request.method === 'HEAD' ? undefined : found.body);
}

/** Resolves with the port once the server listens; rejects when it cannot. */
export function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: 4_096 }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
