import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../protocol/version.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import { readOffer, refusalOf, refuseUpgrade, type HandshakeRefusal } from './handshake.ts';
import type { WsSockets } from './ws-sockets.ts';

export interface WsServerOptions {
  readonly sockets: WsSockets;
  /** Bytes of one frame; more closes with 1009 before it is buffered whole (FR1). */
  readonly frameBytes: number;
  /** Whether `?token=` counts when neither header nor subprotocol has one (HS2); URLs are logged. */
  readonly tokenInUrl: boolean;
  /** Checks a token, and whether its session was ended. */
  readonly authenticate: (token: string, done: (verdict: Verdict) => void) => void;
  /** Why nobody is let in right now, if so. */
  readonly closedBecause: () => HandshakeRefusal | undefined;
  readonly onRefused: (refusal: HandshakeRefusal) => void;
}

/** How long a client may take to answer a close before its socket is cut. */
const CLOSE_TIMEOUT_MS = 5_000;

/** Takes upgrades of an HTTP server, checks them in the order of HS3, and hands over the sockets. */
export class WsServer {
  readonly #options: WsServerOptions;
  readonly #server: WebSocketServer;

  constructor(options: WsServerOptions) {
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.frameBytes,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
      closeTimeout: CLOSE_TIMEOUT_MS,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
  }

  attach(server: Server): void {
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A client that goes away meanwhile is no error of ours.
    socket.on('error', () => socket.destroy());
    const offer = readOffer(request, this.#options.tokenInUrl);
    if ('code' in offer) return this.#refuse(socket, offer);
    const closed = this.#options.closedBecause();
    if (closed) return this.#refuse(socket, closed);
    if (offer.token === undefined)
      return this.#refuse(socket, {
        code: 'unauthorized',
        message: 'a token is required: Authorization: Bearer <jwt>',
      });
    this.#options.authenticate(offer.token, (verdict) => {
      if (!verdict.ok) return this.#refuse(socket, refusalOf(verdict));
      const closedMeanwhile = this.#options.closedBecause();
      if (closedMeanwhile) return this.#refuse(socket, closedMeanwhile);
      if (socket.destroyed) return;
      this.#server.handleUpgrade(request, socket, head, (ws) =>
        this.#options.sockets.add(ws, socket, verdict.claims),
      );
    });
  }

  #refuse(socket: Duplex, refusal: HandshakeRefusal): void {
    this.#options.onRefused(refusal);
    refuseUpgrade(socket, refusal);
  }
}
