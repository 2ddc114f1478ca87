import { once } from 'node:events';
import {
  request as httpRequest,
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Frame } from './client.ts';

/** Any port of this machine. */
export const LOCAL = { port: 0, host: '127.0.0.1', settings: { port: 'PORT', host: 'HOST' } } as const;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The JSON of the body, or `{}` when there is none. */
  readonly body: Frame;
}

export interface HttpRequest {
  readonly method?: string;
  readonly token?: string | undefined;
  readonly headers?: OutgoingHttpHeaders;
  /** Text, bytes, or a value that is sent as JSON. */
  readonly body?: unknown;
  /** Sockets to share; one of its own unless given. */
  readonly agent?: Agent;
}

function bearer(token: string | undefined): OutgoingHttpHeaders {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** One request on a connection of its own. */
export async function ask(
  port: number,
  path: string,
  { method = 'GET', token, headers = {}, body, agent }: HttpRequest = {},
): Promise<HttpAnswer> {
  const isJson = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
  const request = httpRequest({
    port,
    path,
    method,
    agent: agent ?? false,
    headers: {
      ...bearer(token),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  request.end(isJson ? JSON.stringify(body) : body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await json(response) };
}

/** The handshake of a WebSocket, and its answer: 101, or why not. A socket that was let in is cut. */
export async function upgrade(
  port: number,
  path: string,
  { method = 'GET', token, headers = {} }: HttpRequest = {},
): Promise<HttpAnswer> {
  const request = httpRequest({
    port,
    path,
    method,
    agent: false,
    headers: {
      ...bearer(token),
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...headers,
    },
  });
  request.end();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('upgrade', ({ headers: given }, socket) => {
      socket.destroy();
      resolve({ status: 101, headers: given, body: {} });
    });
    request.on('response', (response) => {
      void json(response).then((body) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
  });
}

async function json(response: AsyncIterable<Buffer>): Promise<Frame> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : (JSON.parse(text) as Frame);
}

/** A bare socket, on which anything may be written. */
export class RawSocket {
  readonly socket: Socket;
  /** What came so far. */
  text = '';
  /** Resolves when the other side has ended it. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(port: number, text = ''): Promise<RawSocket> {
    const raw = new RawSocket(connect(port, '127.0.0.1'));
    await once(raw.socket, 'connect');
    raw.socket.write(text);
    return raw;
  }
}
