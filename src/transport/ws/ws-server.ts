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
  /** Bytes of one frame; more closes with 1009 before it is buffered whole (FR1). */
  readonly frameBytes: number;
  /** Fragments of one message (LM11); 0: no limit. */
  readonly fragmentsPerMessage: number;
  /** The checks before an upgrade, in the order of HS3. */
  readonly admission: Admission;
  readonly onRefused: (refusal: HttpRefusal) => void;
  /** A fault of ours during a handshake. */
  readonly onFault: (error: unknown) => void;
}

/** How long a client may take to answer a close before its socket is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

/** Where there is no limit: as many as a message of 64 KiB has bytes. */
const FRAGMENTS_MAX = 65_536;

/** Takes upgrades of HTTP servers, checks them in the order of HS3, and hands over the sockets. */
export class WsServer {
  readonly #options: WsServerOptions;
  readonly #server: WebSocketServer;

  constructor(options: WsServerOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.frameBytes,
      // They are counted before `ws` sees them (LM11); this is for those that came in the same piece of bytes.
      maxFragments: options.fragmentsPerMessage || FRAGMENTS_MAX,
      // Pings are answered within a budget (LM11).
      autoPong: false,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      closeTimeout: CLOSE_TIMEOUT_MS,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    // What is wrong with an upgrade in ways that only `ws` sees is answered as everything else is.
    this.#server.on('wsClientError', ({ message }: Error, socket: Duplex) =>
      this.#refuse(socket, { code: 'bad_request', message }),
    );
  }

  /** Takes all upgrades of a server. */
  attach(server: Server): void {
    server.on('upgrade', (...given) => this.take(server, ...given));
  }

  /** Takes one upgrade of a server: lets the client in, or answers why not. */
  take(server: AnyServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    leavesHttp(socket);
    // A client that goes away meanwhile is no error of ours.
    socket.on('error', () => socket.destroy());
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
    // Others were let in meanwhile, or the node began to drain. From here on nothing waits.
    const refusal = admission.closed();
    let isMade = false;
    if (refusal) this.#refuse(socket, refusal);
    // What `ws` does not like, or finds closed, it does not hand over; what it does, it does at once.
    else if (!socket.destroyed)
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        isMade = true;
        sockets.add(ws, socket, admitted);
      });
    if (!isMade) admission.giveBack(admitted);
  }

  #refuse(socket: Duplex, refusal: HttpRefusal): void {
    this.#options.onRefused(refusal);
    refuseUpgrade(socket, refusal);
  }
}
