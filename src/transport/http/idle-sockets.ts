import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { addressKey } from './client-address.ts';

/** Sockets of one address that wait for a next request: a browser keeps 6, and a few hundred people share an address. */
const IDLE_PER_ADDRESS_MAX = 256;

/** By whom a socket is counted, and under which key: a socket that is over does not know its address any more. */
const known = new WeakMap<Duplex, { readonly by: IdleSockets; readonly key: string }>();

/** A socket speaks another protocol now, and is no affair of HTTP any more. */
export function leavesHttp(socket: Duplex): void {
  known.get(socket)?.by.leaves(socket as Socket);
}

/**
 * Bounds how many sockets an address may keep at a server for a next request (LM12). One more, and the one that has
 * waited longest is cut. Trusted proxies have as many as they like: theirs are many people's.
 *
 * - A socket that has not asked yet does not count. Its request may be here and not read: a wave of handshakes of one
 *   address would lose its answers. What never asks is cut after 10 s (HS4).
 */
export class IdleSockets {
  readonly #isExempt: (remoteAddress: string) => boolean;
  /** In the order of waiting. */
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
    socket.once('close', () => this.leaves(socket));
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
