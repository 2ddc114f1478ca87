import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { addressKey } from './client-address.ts';

/** Idle sockets per address. A browser keeps 6, and a few hundred people may share an address. */
const IDLE_PER_ADDRESS_MAX = 256;

/** The counter and key of a socket. A socket that has ended no longer knows its address. */
const known = new WeakMap<Duplex, { readonly by: IdleSockets; readonly key: string }>();

/** Removes a socket that has closed, or that now speaks another protocol. A closure for each socket would take memory. */
function leaves(this: Duplex): void {
  known.get(this)?.by.leaves(this as Socket);
}

export function leavesHttp(socket: Duplex): void {
  leaves.call(socket);
  socket.off('close', leaves);
}

/**
 * Bounds the sockets that an address keeps idle at a server (LM12). Beyond the bound it cuts the one that has been idle
 * longest. Trusted proxies are exempt, because their sockets serve many clients.
 *
 * - A socket that has not sent a request does not count. Its request may have arrived unread, and a wave of handshakes from
 *   one address would lose its answers. The server cuts a socket that never sends one after 10 s (HS4).
 */
export class IdleSockets {
  readonly #isExempt: (remoteAddress: string) => boolean;
  /** Idle sockets in the order in which they became idle. */
  readonly #waiting = new Map<string, Set<Socket>>();

  constructor(isExempt: (remoteAddress: string) => boolean) {
    this.#isExempt = isExempt;
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#arrived(socket));
    const asked = (request: IncomingMessage, response: ServerResponse): void =>
      this.#asked(request, response);
    server.on('request', asked);
    server.on('checkExpectation', asked);
  }

  #arrived(socket: Socket): void {
    const remote = socket.remoteAddress ?? '';
    if (this.#isExempt(remote)) return;
    const key = addressKey(remote) ?? '';
    known.set(socket, { by: this, key });
    socket.on('close', leaves);
  }

  #asked({ socket }: IncomingMessage, response: ServerResponse): void {
    const counted = known.get(socket);
    if (!counted) return;
    this.#drop(socket, counted.key);
    response.once('close', () => {
      if (!socket.destroyed && known.has(socket)) this.#waits(socket, counted.key);
    });
  }

  #waits(socket: Socket, key: string): void {
    let all = this.#waiting.get(key);
    if (!all) this.#waiting.set(key, (all = new Set()));
    all.add(socket);
    if (all.size <= IDLE_PER_ADDRESS_MAX) return;
    for (const oldest of all) {
      this.leaves(oldest);
      oldest.destroy();
      return;
    }
  }

  leaves(socket: Socket): void {
    const counted = known.get(socket);
    if (!counted) return;
    known.delete(socket);
    this.#drop(socket, counted.key);
  }

  #drop(socket: Socket, key: string): void {
    const all = this.#waiting.get(key);
    if (all?.delete(socket) && all.size === 0) this.#waiting.delete(key);
  }
}
