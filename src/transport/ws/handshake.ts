import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from 'node:http';
import { ERROR_CODES, type ErrorCodeName } from '../../protocol/codes.ts';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '../../protocol/version.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';

/** Why a client is not let in: an HTTP answer before the upgrade (HS3). */
export interface HandshakeRefusal {
  readonly code: ErrorCodeName;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** What a client asked for, as far as its request says. */
export interface Offer {
  readonly subprotocols: readonly string[];
  readonly token: string | undefined;
}

const WS_PATH = '/ws';

const KEYS_RETRY_MS = 1_000;

/** Path, method, version and subprotocol, in the order of HS3. `?token=` is looked at only when told to. */
export function readOffer(request: IncomingMessage, tokenInUrl: boolean): Offer | HandshakeRefusal {
  const [path, query] = (request.url ?? '').split('?', 2);
  if (path !== WS_PATH) return { code: 'not_found', message: `there is nothing here; connect to ${WS_PATH}` };
  if (request.method !== 'GET') return { code: 'bad_request', message: 'the method must be GET' };
  if (request.headers['sec-websocket-version'] !== '13') {
    return { code: 'bad_request', message: 'the header Sec-WebSocket-Version must be 13' };
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(request.headers['sec-websocket-key'] ?? '')) {
    return { code: 'bad_request', message: 'the header Sec-WebSocket-Key must be 16 bytes in base64' };
  }
  const subprotocols = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (subprotocols.length > 0 && !subprotocols.includes(SUBPROTOCOL)) {
    return { code: 'bad_request', message: `no subprotocol is known; offer ${SUBPROTOCOL}, or none` };
  }
  if (new Set(subprotocols).size < subprotocols.length) {
    return { code: 'bad_request', message: 'a subprotocol is offered twice' };
  }
  const inUrl = tokenInUrl ? new URLSearchParams(query).get('token') || undefined : undefined;
  return { subprotocols, token: tokenOf(request, subprotocols) ?? inUrl };
}

/** From the header, or, for browsers, which cannot set one, from a subprotocol entry (HS2). */
function tokenOf(request: IncomingMessage, subprotocols: readonly string[]): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const offered = subprotocols.find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
  return bearer ?? offered?.slice(TOKEN_SUBPROTOCOL_PREFIX.length);
}

/** A token that could not be checked is not refused for good: who is told `unauthorized` would throw it away. */
export function refusalOf({ message, isUndecided }: Verdict & { ok: false }): HandshakeRefusal {
  return isUndecided
    ? { code: 'unavailable', message, retryAfterMs: KEYS_RETRY_MS }
    : { code: 'unauthorized', message };
}

/** Answers an upgrade with a refusal, and ends the socket. */
export function refuseUpgrade(socket: Duplex, refusal: HandshakeRefusal): void {
  const { status } = ERROR_CODES[refusal.code];
  const body = JSON.stringify(refusal);
  const headers = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...(refusal.retryAfterMs === undefined
      ? []
      : [`Retry-After: ${Math.ceil(refusal.retryAfterMs / 1_000)}`]),
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
  ];
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
}
