import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { Server as TlsServer } from 'node:tls';

export type AnyServer = Server | HttpsServer;

/** Whether a request asks for WebSocket, the only protocol that the server speaks beside HTTP/1.1. */
export function isToWebSocket({ headers }: IncomingMessage): boolean {
  const offered = headers.upgrade?.toLowerCase().split(',') ?? [];
  return offered.some((name) => name.trim() === 'websocket');
}

/**
 * Answers a request as if it asked for no upgrade. RFC 9110, section 7.8, allows that: curl and Java's client ask for `h2c`
 * by default, and Node.js detaches every request that asks for an upgrade. This function writes the request anew without
 * the wish, and passes it to the server ahead of the other bytes. Body, limits and timeouts are then those of any request,
 * but its time starts once more. The connection ends with the answer.
 */
export function ignoreUpgrade(
  server: AnyServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  // An earlier answer is not finished: two at a time would get mixed up.
  const { _httpMessage: earlier } = socket as { readonly _httpMessage?: ServerResponse | null };
  if (earlier) {
    earlier.once('close', () => ignoreUpgrade(server, request, socket, head));
    return;
  }
  if (socket.destroyed) return;
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]));
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', socket);
}

const LEFT_OUT = ['upgrade', 'connection', 'http2-settings'];

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    if (!LEFT_OUT.includes(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[at + 1]}`);
  }
  return `${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`;
}
