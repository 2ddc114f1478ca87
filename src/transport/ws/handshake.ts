import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from 'node:http';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '../../protocol/version.ts';
import { bearerToken } from '../http/bearer.ts';
import { refusalAnswer, type HttpRefusal } from '../http/refusal.ts';

/** What a client asks for in its request. */
export interface Offer {
  readonly subprotocols: readonly string[];
  readonly token: string | undefined;
}

/** The path that clients connect to. */
export const WS_PATH = '/ws';

/** RFC 6455, 4.1: a token of RFC 9110. */
const SUBPROTOCOL_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** How long a refused client may take to close its side. After that the server cuts the socket. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Path, method, version and subprotocol, in the order of HS3. A plain request need not have the headers of an upgrade,
 * which a page cannot set. If it has them, they are checked. `?token=` counts only if the setting allows it.
 */
export function readOffer(
  request: IncomingMessage,
  { isUpgrade, tokenInUrl }: { readonly isUpgrade: boolean; readonly tokenInUrl: boolean },
): Offer | HttpRefusal {
  const [path, query] = (request.url ?? '').split('?', 2);
  if (path !== WS_PATH) return { code: 'not_found', message: `there is nothing here; connect to ${WS_PATH}` };
  if (request.method !== 'GET' && (isUpgrade || request.method !== 'HEAD')) {
    return { code: 'bad_request', message: 'the method must be GET' };
  }
  const wrong = wrongHeader(request.headers, isUpgrade);
  if (wrong) return { code: 'bad_request', message: `the header ${wrong}` };
  const subprotocols = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  if (!subprotocols.every((name) => SUBPROTOCOL_NAME.test(name))) {
    return { code: 'bad_request', message: 'the header Sec-WebSocket-Protocol must be a list of names' };
  }
  if (subprotocols.length > 0 && !subprotocols.includes(SUBPROTOCOL)) {
    return { code: 'bad_request', message: `no subprotocol is known; offer ${SUBPROTOCOL}, or none` };
  }
  if (new Set(subprotocols).size < subprotocols.length) {
    return { code: 'bad_request', message: 'a subprotocol is offered twice' };
  }
  const inUrl = tokenInUrl ? new URLSearchParams(query).get('token') || undefined : undefined;
  return { subprotocols, token: tokenOf(request, subprotocols) ?? inUrl };
}

function wrongHeader(headers: IncomingMessage['headers'], isUpgrade: boolean): string | undefined {
  const { 'sec-websocket-version': version, 'sec-websocket-key': key } = headers;
  if (isUpgrade && headers.upgrade?.toLowerCase() !== 'websocket') return 'Upgrade must be websocket';
  if ((isUpgrade || version !== undefined) && version !== '13') return 'Sec-WebSocket-Version must be 13';
  if (isUpgrade && !/^[+/0-9A-Za-z]{22}==$/.test(key ?? '')) {
    return 'Sec-WebSocket-Key must be 16 bytes in base64';
  }
  return undefined;
}

/** The token of the header or, for browsers, which cannot set one, of a subprotocol entry (HS2). */
function tokenOf(request: IncomingMessage, subprotocols: readonly string[]): string | undefined {
  const offered = subprotocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
  return bearerToken(request.headers.authorization) ?? offered?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
}

/** Answers an upgrade with a refusal, and ends the socket. */
export function refuseUpgrade(socket: Duplex, refusal: HttpRefusal): void {
  if (socket.destroyed) return;
  const { status, headers, body } = refusalAnswer(refusal);
  const lines = Object.entries({
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  // A client that never closes would hold its socket. A socket that is cut at once may lose the answer.
  const cut = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(cut));
  socket.resume();
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
  );
}
