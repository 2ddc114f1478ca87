import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { CLOSE_CODES } from '../../protocol/codes.ts';
import { refusedFrame } from '../../protocol/refused.ts';
import type { Inbox } from '../../runtime/ports/inbox.ts';
import type { FrameBatch, Sockets } from '../../runtime/ports/sockets.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import { encodeFrames } from './framing.ts';

/** Why a frame made its socket be closed. */
export type BrokenFrame = 'binary_refused' | 'frame_too_large' | 'invalid_utf8';

export interface WsSocketsOptions {
  /** Past it a client is slow (LM7); 0: no limit. */
  readonly outboundMaxBytes: number;
  readonly onBroken: (reason: BrokenFrame) => void;
}

/** One client's socket. */
interface Peer {
  readonly number: number;
  readonly ws: WebSocket;
  readonly socket: Duplex;
  /** Written since the last flush. */
  pending: Buffer[];
  /** Handed to the stream since the beginning. */
  flushedBytes: number;
  /** Over its outbound limit: takes no batches until it is reopened (LM7). */
  isShut: boolean;
  /** Over it, and not drained yet. */
  isCongested: boolean;
}

const kPeer = Symbol('peer');

interface KnownSocket extends WebSocket {
  [kPeer]: { readonly sockets: WsSockets; readonly peer: Peer };
}

/**
 * The sockets of this node. Frames are written to the TCP socket below `ws`, whole and in order; `ws` itself
 * reads, and sends nothing but pings, pongs and the close.
 */
export class WsSockets implements Sockets {
  readonly #outboundMax: number;
  readonly #onBroken: (reason: BrokenFrame) => void;
  readonly #peers = new Map<number, Peer>();
  readonly #encoded = new WeakMap<FrameBatch, Buffer>();
  #dirty: Peer[] = [];
  #inbox!: Inbox;
  /** Bytes handed to sockets, and frames and bytes taken from them, since the start. */
  readonly traffic = { bytesOut: 0, framesIn: 0, bytesIn: 0 };

  constructor(options: WsSocketsOptions) {
    this.#outboundMax = options.outboundMaxBytes || Infinity;
    this.#onBroken = options.onBroken;
  }

  connect(inbox: Inbox): void {
    this.#inbox = inbox;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Takes over a socket whose upgrade is done. */
  add(ws: WebSocket, socket: Duplex, claims: Claims): void {
    const number = this.#inbox.opened(claims);
    const peer: Peer = {
      number,
      ws,
      socket,
      pending: [],
      flushedBytes: 0,
      isShut: false,
      isCongested: false,
    };
    this.#peers.set(number, peer);
    (ws as KnownSocket)[kPeer] = { sockets: this, peer };
    // Shared functions: a closure per connection and event would cost memory for nothing.
    ws.on('message', onMessage);
    ws.on('ping', onSignOfLife);
    ws.on('pong', onSignOfLife);
    ws.on('close', onClose);
    ws.on('error', onBroken);
  }

  // --- out

  write(connection: number, frames: readonly string[]): void {
    const peer = this.#peers.get(connection);
    if (peer) this.#push(peer, encodeFrames(frames));
  }

  fanout(batch: FrameBatch, connections: readonly number[], start: number, end: number): readonly number[] {
    let bytes = this.#encoded.get(batch);
    if (!bytes) this.#encoded.set(batch, (bytes = encodeFrames(batch.frames)));
    const refused: number[] = [];
    for (let at = start; at < end; at++) {
      const peer = this.#peers.get(connections[at] as number);
      if (!peer) continue;
      if (peer.isShut) refused.push(peer.number);
      else this.#push(peer, bytes);
    }
    return refused;
  }

  #push(peer: Peer, bytes: Buffer): void {
    if (peer.pending.length === 0) this.#dirty.push(peer);
    peer.pending.push(bytes);
  }

  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) this.#flushOne(peer);
  }

  /** What was written in one slice leaves in one call to the system. */
  #flushOne(peer: Peer): void {
    const { pending, socket, ws } = peer;
    peer.pending = [];
    if (ws.readyState !== ws.OPEN) return;
    if (pending.length === 1) socket.write(pending[0]);
    else {
      socket.cork();
      for (const bytes of pending) socket.write(bytes);
      socket.uncork();
    }
    let size = 0;
    for (const bytes of pending) size += bytes.length;
    peer.flushedBytes += size;
    this.traffic.bytesOut += size;
    if (socket.writableLength > this.#outboundMax) this.#congest(peer);
  }

  #congest(peer: Peer): void {
    peer.isShut = true;
    if (peer.isCongested) return;
    peer.isCongested = true;
    this.#inbox.congested(peer.number);
    peer.socket.once('drain', () => {
      peer.isCongested = false;
      this.#inbox.drained(peer.number);
    });
  }

  reopen(connection: number): void {
    const peer = this.#peers.get(connection);
    if (peer && !peer.isCongested) peer.isShut = false;
  }

  readBytes(connection: number): number {
    const peer = this.#peers.get(connection);
    if (!peer) return 0;
    // What the stream counts falls only when a whole write is through; libuv knows how far the one under way is.
    const { writableLength } = peer.socket;
    const handle = (peer.socket as { _handle?: { writeQueueSize?: number } | null })._handle;
    const held = handle?.writeQueueSize ? Math.min(writableLength, handle.writeQueueSize) : writableLength;
    return peer.flushedBytes - held;
  }

  ping(connection: number): void {
    const peer = this.#peers.get(connection);
    if (peer && peer.ws.readyState === peer.ws.OPEN) peer.ws.ping();
  }

  close(connection: number, code: number, reason: string): void {
    const peer = this.#peers.get(connection);
    if (!peer) return;
    this.#flushOne(peer);
    peer.ws.close(code, reason);
  }

  // --- in

  received(peer: Peer, data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.#onBroken('binary_refused');
      return peer.ws.close(CLOSE_CODES.binary_refused, 'binary_refused');
    }
    this.traffic.framesIn++;
    this.traffic.bytesIn += data.length;
    const text = data.toString('utf8');
    const taken = this.#inbox.frame(peer.number, text);
    if (taken === 'crowded') this.#pause(peer);
    if (taken === 'full') this.write(peer.number, [refusedFrame(text)]);
  }

  #pause(peer: Peer): void {
    if (peer.ws.isPaused) return;
    peer.ws.pause();
    this.#inbox.whenDrained(peer.number, () => peer.ws.resume());
  }

  broken(reason: BrokenFrame): void {
    this.#onBroken(reason);
  }

  heard(peer: Peer): void {
    this.#inbox.heard(peer.number);
  }

  closed(peer: Peer, code: number): void {
    this.#peers.delete(peer.number);
    peer.pending = [];
    this.#inbox.closed(peer.number, code);
  }

  /** Ends every socket at once, for when there is no time left to be polite. */
  terminateAll(): void {
    for (const peer of this.#peers.values()) peer.ws.terminate();
  }
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  const { sockets, peer } = (this as KnownSocket)[kPeer];
  sockets.received(peer, data, isBinary);
}

function onSignOfLife(this: WebSocket): void {
  const { sockets, peer } = (this as KnownSocket)[kPeer];
  sockets.heard(peer);
}

function onClose(this: WebSocket, code: number): void {
  const { sockets, peer } = (this as KnownSocket)[kPeer];
  sockets.closed(peer, code);
}

/** A broken frame or socket: `ws` closes it with the code of the protocol, and `close` follows. */
function onBroken(this: WebSocket, error: Error & { code?: string }): void {
  const reason = BROKEN[error.code ?? ''];
  if (reason) (this as KnownSocket)[kPeer].sockets.broken(reason);
}

const BROKEN: Readonly<Record<string, BrokenFrame>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'frame_too_large',
  WS_ERR_INVALID_UTF8: 'invalid_utf8',
};
