import { refusedFrame } from '../protocol/refused.ts';
import { utf8Bytes } from '../protocol/size.ts';
import type { Inbox } from '../runtime/ports/inbox.ts';
import type { FrameBatch, Sockets } from '../runtime/ports/sockets.ts';
import type { Claims } from '../runtime/ports/tokens.ts';
import type { Chunk, Link, NodeEnd } from './link.ts';
import type { Timeline } from './timeline.ts';

interface Peer {
  readonly number: number;
  readonly link: Link;
  pending: string[];
  pendingBytes: number;
  isShut: boolean;
  isCongested: boolean;
  isClosing: boolean;
  isPaused: boolean;
  /** Arrived while the socket was not read. */
  readonly arrived: Chunk[];
}

export interface SimSocketsOptions {
  readonly timeline: Timeline;
  readonly outboundMaxBytes: number;
  /** Runs something in the process. */
  readonly enter: (run: () => void) => void;
  /** A connection is closed by the node, for the first time. */
  readonly onClosing: (connection: number, code: number, reason: string) => void;
  /** Frames were handed to the system; they are on their way to a client. */
  readonly onFlush: (connection: number, frames: readonly string[]) => void;
  /** No more than a batch beyond the limit may ever be kept for one connection (invariant 13). */
  readonly onBuffered: (connection: number, bytes: number) => void;
}

/** The sockets of one simulated process: as `WsSockets`, on links instead of TCP. */
export class SimSockets implements Sockets {
  readonly #options: SimSocketsOptions;
  readonly #peers = new Map<number, Peer>();
  readonly #sizes = new WeakMap<FrameBatch, number>();
  #dirty: Peer[] = [];
  #inbox!: Inbox;

  constructor(options: SimSocketsOptions) {
    this.#options = options;
  }

  connect(inbox: Inbox): void {
    this.#inbox = inbox;
  }

  get size(): number {
    return this.#peers.size;
  }

  links(): Link[] {
    return [...this.#peers.values()].map(({ link }) => link);
  }

  /** A client whose handshake is done. */
  add(link: Link, claims: Claims): number {
    const number = this.#inbox.opened(claims);
    const peer: Peer = {
      number,
      link,
      pending: [],
      pendingBytes: 0,
      isShut: false,
      isCongested: false,
      isClosing: false,
      isPaused: false,
      arrived: [],
    };
    this.#peers.set(number, peer);
    const { enter } = this.#options;
    const end: NodeEnd = {
      received: (chunk) => enter(() => this.#received(peer, chunk)),
      closed: (code) => enter(() => this.#closed(peer, code)),
      drained: () => enter(() => this.#drained(peer)),
    };
    link.attach(end);
    return number;
  }

  // --- out

  write(connection: number, frames: readonly string[]): void {
    const peer = this.#peers.get(connection);
    if (peer) this.#push(peer, frames, sizeOf(frames));
  }

  fanout(batch: FrameBatch, connections: readonly number[], start: number, end: number): readonly number[] {
    let bytes = this.#sizes.get(batch);
    if (bytes === undefined) this.#sizes.set(batch, (bytes = sizeOf(batch.frames)));
    const refused: number[] = [];
    for (let at = start; at < end; at++) {
      const peer = this.#peers.get(connections[at] as number);
      if (!peer) continue;
      if (peer.isShut) refused.push(peer.number);
      else this.#push(peer, batch.frames, bytes);
    }
    return refused;
  }

  #push(peer: Peer, frames: readonly string[], bytes: number): void {
    if (peer.pending.length === 0) this.#dirty.push(peer);
    peer.pending.push(...frames);
    peer.pendingBytes += bytes;
  }

  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) this.#flushOne(peer);
  }

  #flushOne(peer: Peer): void {
    const { pending: frames, pendingBytes: bytes, link, number } = peer;
    peer.pending = [];
    peer.pendingBytes = 0;
    if (peer.isClosing || frames.length === 0) return;
    this.#options.onFlush(number, frames);
    link.push({ type: 'frames', frames, bytes, sentAt: this.#options.timeline.now });
    this.#options.onBuffered(number, link.queuedBytes);
    if (link.queuedBytes > this.#options.outboundMaxBytes) this.#congest(peer);
  }

  #congest(peer: Peer): void {
    peer.isShut = true;
    if (peer.isCongested) return;
    peer.isCongested = true;
    this.#inbox.congested(peer.number);
  }

  #drained(peer: Peer): void {
    if (!peer.isCongested || !this.#peers.has(peer.number)) return;
    peer.isCongested = false;
    this.#inbox.drained(peer.number);
  }

  reopen(connection: number): void {
    const peer = this.#peers.get(connection);
    if (peer && !peer.isCongested) peer.isShut = false;
  }

  readBytes(connection: number): number {
    return this.#peers.get(connection)?.link.takenBytes ?? 0;
  }

  ping(connection: number): void {
    this.#peers.get(connection)?.link.push({ type: 'ping' });
  }

  close(connection: number, code: number, reason: string): void {
    const peer = this.#peers.get(connection);
    if (!peer || peer.isClosing) return;
    this.#options.onClosing(connection, code, reason);
    this.#flushOne(peer);
    peer.isClosing = true;
    peer.link.closeByNode(code);
  }

  // --- in

  #received(peer: Peer, chunk: Chunk): void {
    if (!this.#peers.has(peer.number)) return;
    if (peer.isPaused) return void peer.arrived.push(chunk);
    // A pong is a sign of life and nothing else.
    if (chunk.type === 'ping') return this.#inbox.heard(peer.number);
    if (chunk.type !== 'frames') return;
    for (const frame of chunk.frames) this.#frame(peer, frame);
  }

  #frame(peer: Peer, frame: string): void {
    const taken = this.#inbox.frame(peer.number, frame);
    if (taken === 'full') this.write(peer.number, [refusedFrame(frame)]);
    if (taken !== 'crowded' || peer.isPaused) return;
    peer.isPaused = true;
    this.#inbox.whenDrained(peer.number, () => {
      peer.isPaused = false;
      for (let chunk = peer.arrived.shift(); chunk; chunk = peer.arrived.shift()) {
        this.#received(peer, chunk);
        if (peer.isPaused) return;
      }
    });
  }

  #closed(peer: Peer, code: number): void {
    if (!this.#peers.delete(peer.number)) return;
    peer.pending = [];
    this.#inbox.closed(peer.number, code);
  }
}

function sizeOf(frames: readonly string[]): number {
  let bytes = 0;
  for (const frame of frames) bytes += utf8Bytes(frame) + 4;
  return bytes;
}
