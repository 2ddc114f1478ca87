import { refusedFrame } from '../../protocol/refused.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import { CLOSE_CODES } from '../../protocol/codes.ts';
import { InboundBudget, type InboundLimits } from '../../limits/inbound-budget.ts';
import type { Inbox } from '../../runtime/ports/inbox.ts';
import type { FrameBatch, Measured, Sockets } from '../../runtime/ports/sockets.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { Chunk, Link, NodeEnd } from './link.ts';
import type { Timeline } from '../kit/timeline.ts';

interface Peer {
  readonly number: number;
  readonly link: Link;
  pending: string[];
  pendingBytes: number;
  isShut: boolean;
  isCongested: boolean;
  isClosing: boolean;
  /** Reasons not to read. Reading continues when none is left. */
  readonly pauses: Set<'crowd' | 'bytes'>;
  readonly budget: InboundBudget;
  heardAt: number;
  isListening: boolean;
  /** Chunks that arrived while the socket was not read. */
  readonly arrived: Chunk[];
}

export interface SimSocketsOptions {
  readonly timeline: Timeline;
  readonly outboundMaxBytes: number;
  readonly inbound: InboundLimits;
  /** Runs a function in the process. */
  readonly enter: (run: () => void) => void;
  /** The node closes a connection for the first time. */
  readonly onClosing: (connection: number, code: number, reason: string) => void;
  /** Frames were passed to the system, and are on their way to a client. */
  readonly onFlush: (connection: number, frames: readonly string[]) => void;
  /** The node must never buffer more than a batch beyond the limit for one connection (invariant 13). */
  readonly onBuffered: (connection: number, bytes: number) => void;
}

/** The sockets of one simulated process: like `WsSockets`, on links instead of TCP. */
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

  /** Adds a client whose handshake is complete. */
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
      pauses: new Set(),
      budget: new InboundBudget(this.#options.inbound),
      heardAt: -Infinity,
      isListening: false,
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

  get dirty(): number {
    return this.#dirty.length;
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

  measure(connection: number): Measured {
    const peer = this.#peers.get(connection);
    const { takenBytes = 0, queuedBytes = 0 } = peer?.link ?? {};
    return { readBytes: takenBytes, heldBytes: queuedBytes, heardAt: peer?.heardAt ?? -Infinity };
  }

  listen(connection: number, since: number): void {
    const peer = this.#peers.get(connection);
    if (!peer) return;
    peer.isListening = peer.heardAt <= since;
    if (!peer.isListening) this.#inbox.heard(connection);
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
    if (!this.#peers.has(peer.number) || peer.isClosing) return;
    if (peer.pauses.size > 0) return void peer.arrived.push(chunk);
    if (chunk.type === 'close') return;
    this.#count(peer, chunk);
    if (chunk.type === 'ping') return this.#control(peer);
    for (const frame of chunk.frames) if (!peer.isClosing) this.#frame(peer, frame);
  }

  /** A client over its budget of bytes is paused, and evicted if it continues (LM11). */
  #count(peer: Peer, chunk: Chunk): void {
    const pauseMs = peer.budget.bytes(
      chunk.type === 'frames' ? chunk.bytes : CONTROL_BYTES,
      this.#options.timeline.now,
    );
    if (pauseMs === 0) return;
    if (peer.budget.isAbused) return this.#putOut(peer);
    peer.pauses.add('bytes');
    this.#options.timeline.after(pauseMs, () => this.#options.enter(() => this.#readOn(peer, 'bytes')));
  }

  /** A ping or a pong is only a sign of life. */
  #control(peer: Peer): void {
    const { now } = this.#options.timeline;
    if (!peer.budget.control(now)) return peer.budget.isAbused ? this.#putOut(peer) : undefined;
    peer.heardAt = now;
    if (!peer.isListening) return;
    peer.isListening = false;
    this.#inbox.heard(peer.number);
  }

  #putOut(peer: Peer): void {
    this.close(peer.number, CLOSE_CODES.rate_abuse, 'rate_abuse');
    this.#inbox.abused(peer.number);
  }

  #frame(peer: Peer, frame: string): void {
    const taken = this.#inbox.frame(peer.number, frame);
    if (taken === 'full') this.#refuse(peer, frame);
    if (peer.isClosing) return;
    if (taken !== 'crowded' || peer.pauses.has('crowd')) return;
    peer.pauses.add('crowd');
    this.#inbox.whenDrained(peer.number, () => this.#readOn(peer, 'crowd'));
  }

  #refuse(peer: Peer, frame: string): void {
    this.write(peer.number, [refusedFrame(frame)]);
    peer.budget.crowded(this.#options.timeline.now);
    if (peer.budget.isAbused) this.#putOut(peer);
  }

  #readOn(peer: Peer, why: 'crowd' | 'bytes'): void {
    peer.pauses.delete(why);
    while (peer.pauses.size === 0) {
      const chunk = peer.arrived.shift();
      if (!chunk) return;
      this.#received(peer, chunk);
    }
  }

  #closed(peer: Peer, code: number): void {
    if (!this.#peers.delete(peer.number)) return;
    peer.pending = [];
    this.#inbox.closed(peer.number, code);
  }
}

/** Bytes of a client's ping or pong, masked and empty. */
const CONTROL_BYTES = 6;

function sizeOf(frames: readonly string[]): number {
  let bytes = 0;
  for (const frame of frames) bytes += utf8Bytes(frame) + 4;
  return bytes;
}
