import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../protocol/version.ts';
import type { Admission } from '../http/admission.ts';
import { leavesHttp } from '../http/idle-sockets.ts';
import { ignoreUpgrade, isToWebSocket, type AnyServer } from '../http/ignored-upgrade.ts';
import type { HttpRefusal } from '../http/refusal.ts';
import { refuseUpgrade } from './handshake.ts';
import type { WsSockets } from './ws-sockets.ts';

export interface WsServerOptions {
  readonly sockets: WsSockets;
  /** The largest frame in bytes. `ws` closes with 1009 before it buffers a larger one (FR1). */
  readonly frameBytes: number;
  /** Fragments of one message (LM11); 0: no limit. */
  readonly fragmentsPerMessage: number;
  /** The checks before an upgrade, in the order of HS3. */
  readonly admission: Admission;
  readonly onRefused: (refusal: HttpRefusal) => void;
  /** A bug in the server during a handshake. */
  readonly onFault: (error: unknown) => void;
}

/** How long a client may take to answer a close. After that `ws` cuts the socket. */
const CLOSE_TIMEOUT_MS = 5_000;

/** Without a limit: as many as a message of 64 KiB has bytes. */
const FRAGMENTS_MAX = 65_536;

function destroySelf(this: Duplex): void {
  this.destroy();
}

/** Accepts upgrades of HTTP servers, checks them in the order of HS3, and passes on the sockets. */
export class WsServer {
  readonly #options: WsServerOptions;
  readonly #server: WebSocketServer;

  constructor(options: WsServerOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.frameBytes,
      // The intake counts fragments before `ws` sees them (LM11). This bound covers those that arrive in one piece of
      // bytes.
      maxFragments: options.fragmentsPerMessage || FRAGMENTS_MAX,
      // The intake answers pings within a budget (LM11).
      autoPong: false,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      closeTimeout: CLOSE_TIMEOUT_MS,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    // Faults that only `ws` finds in an upgrade get the same answers as others.
    this.#server.on('wsClientError', ({ message }: Error, socket: Duplex) =>
      this.#refuse(socket, { code: 'bad_request', message }),
    );
  }

  /** Handles all upgrades of a server. */
  attach(server: Server): void {
    server.on('upgrade', (...given) => this.take(server, ...given));
  }

  /** Handles one upgrade: accepts the client, or answers with a refusal. */
  take(server: AnyServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    leavesHttp(socket);
    // A client that disconnects meanwhile is no fault of the server.
    socket.on('error', destroySelf);
    if (!isToWebSocket(request)) return ignoreUpgrade(server, request, socket, head);
    this.#upgrade(request, socket, head).catch((error: unknown) => {
      this.#options.onFault(error);
      this.#refuse(socket, { code: 'internal', message: 'a fault of the node' });
    });
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { admission, sockets } = this.#options;
    const admitted = await admission.check(request, true);
    if ('code' in admitted) return this.#refuse(socket, admitted);
    // Meanwhile the node may have accepted other clients or begun to drain. Nothing below waits.
    const refusal = admission.closed();
    let isMade = false;
    if (refusal) this.#refuse(socket, refusal);
    // `ws` passes on the socket at once, or not at all when the request is invalid or the socket closed.
    else if (!socket.destroyed)
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        isMade = true;
        // From here on `ws` handles errors.
        socket.off('error', destroySelf);
        sockets.add(ws, socket, admitted);
      });
    if (!isMade) admission.giveBack(admitted);
  }

  #refuse(socket: Duplex, refusal: HttpRefusal): void {
    this.#options.onRefused(refusal);
    refuseUpgrade(socket, refusal);
  }
}
