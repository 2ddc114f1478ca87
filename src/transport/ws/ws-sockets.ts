import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { CLOSE_CODES } from '../../protocol/codes.ts';
import { refusedFrame } from '../../protocol/refused.ts';
import type { InboundLimits } from '../../limits/inbound-budget.ts';
import type { Inbox } from '../../runtime/ports/inbox.ts';
import type { FrameBatch, Measured, Sockets } from '../../runtime/ports/sockets.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import { encodeFrames } from './framing.ts';
import { Intake, IntakeWatch, type Overrun } from './intake.ts';
import { listenTo, type BrokenFrame, type Peer, type PeerListener } from './peer.ts';

export interface WsSocketsOptions {
  /** A client with more unsent bytes is slow (LM7); 0: no limit. */
  readonly outboundMaxBytes: number;
  /** What a client may send beside its requests (LM11). */
  readonly inbound: InboundLimits;
  /** The monotonic clock, milliseconds. */
  readonly now: () => number;
  readonly onBroken: (reason: BrokenFrame) => void;
  /** A client exceeded a budget of what it may send. */
  readonly onOverrun: (what: Overrun) => void;
}

/** How long an evicted client may take to read the reason. After that its socket is cut. */
const PUT_OUT_MS = 1_000;

/**
 * The sockets of this node. It writes frames to the TCP socket below `ws`, whole and in order. `ws` reads, and sends only
 * pings, pongs and the close. The intake counts what a client sends before `ws` reads it (LM11).
 */
export class WsSockets implements Sockets, PeerListener {
  readonly #options: WsSocketsOptions;
  readonly #outboundMax: number;
  readonly #watch: IntakeWatch;
  readonly #peers = new Map<number, Peer>();
  /** The batch that was encoded last: its next connections come right behind. A `WeakMap` would cost each collection. */
  #encoded: { readonly batch: FrameBatch; readonly bytes: Buffer } | undefined;
  #dirty: Peer[] = [];
  #inbox!: Inbox;
  /** Bytes passed to sockets, and frames and bytes received, since the start. */
  readonly traffic = { bytesOut: 0, framesIn: 0, bytesIn: 0 };

  constructor(options: WsSocketsOptions) {
    this.#options = options;
    this.#outboundMax = options.outboundMaxBytes || Infinity;
    this.#watch = new IntakeWatch(options, (number) => this.#overrun(number, 'unfinished'));
  }

  connect(inbox: Inbox): void {
    this.#inbox = inbox;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Adds a socket whose upgrade is complete. */
  add(ws: WebSocket, socket: Duplex, claims: Claims): void {
    const number = this.#inbox.opened(claims);
    const peer: Peer = {
      number,
      ws,
      socket,
      intake: new Intake(number, ws, this.#options.inbound),
      listener: this,
      pending: undefined,
      flushedBytes: 0,
      isShut: false,
      isCongested: false,
    };
    this.#peers.set(number, peer);
    listenTo(peer);
  }

  // --- out

  write(connection: number, frames: readonly string[]): void {
    const peer = this.#peers.get(connection);
    if (peer) this.#push(peer, encodeFrames(frames));
  }

  fanout(batch: FrameBatch, connections: readonly number[], start: number, end: number): readonly number[] {
    if (this.#encoded?.batch !== batch) this.#encoded = { batch, bytes: encodeFrames(batch.frames) };
    const { bytes } = this.#encoded;
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
    if (peer.pending) return void peer.pending.push(bytes);
    peer.pending = [bytes];
    this.#dirty.push(peer);
  }

  get dirty(): number {
    return this.#dirty.length;
  }

  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const peer of dirty) this.#flushOne(peer);
  }

  /** Everything written in one slice leaves in one system call. */
  #flushOne(peer: Peer): void {
    const { pending, socket, ws } = peer;
    peer.pending = undefined;
    if (!pending || ws.readyState !== ws.OPEN) return;
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

  measure(connection: number): Measured {
    const peer = this.#peers.get(connection);
    if (!peer) return NOBODY;
    // The stream's count falls only when a whole write completes. libuv knows the progress of the current one.
    const { writableLength } = peer.socket;
    const handle = (peer.socket as { _handle?: { writeQueueSize?: number } | null })._handle;
    const heldBytes = handle?.writeQueueSize
      ? Math.min(writableLength, handle.writeQueueSize)
      : writableLength;
    return { readBytes: peer.flushedBytes - heldBytes, heldBytes, heardAt: peer.intake.heardAt };
  }

  listen(connection: number, since: number): void {
    const peer = this.#peers.get(connection);
    if (peer?.intake.listen(since)) this.#inbox.heard(connection);
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
    if (PUT_OUT.has(code)) this.#hearNoMore(peer);
  }

  /** Stops reading an evicted client, even its close frame. Otherwise the client could keep sending. */
  #hearNoMore({ intake, socket }: Peer): void {
    if (!intake.stop()) return;
    const cut = setTimeout(() => socket.destroy(), PUT_OUT_MS);
    socket.once('close', () => clearTimeout(cut));
  }

  // --- in

  /** Runs before `ws` reads the bytes, so that `ws` reads none beyond the budgets. */
  arrived(peer: Peer, bytes: Buffer): void {
    const found = peer.intake.take(bytes, this.#options.now());
    if (found === 'fragments') this.#overrun(peer.number, found);
    else if (found === 'bytes') this.#overran(peer, found);
    if (!peer.intake.isWhole) this.#watch.add(peer.intake);
  }

  received(peer: Peer, data: Buffer, isBinary: boolean): void {
    // Nothing counts after the close.
    if (peer.ws.readyState !== peer.ws.OPEN) return;
    if (isBinary) {
      this.#options.onBroken('binary_refused');
      return peer.ws.close(CLOSE_CODES.binary_refused, 'binary_refused');
    }
    this.traffic.framesIn++;
    this.traffic.bytesIn += data.length;
    const text = data.toString('utf8');
    const taken = this.#inbox.frame(peer.number, text);
    if (taken === 'crowded') this.#crowded(peer);
    if (taken === 'full') this.#refuse(peer, text);
  }

  #refuse(peer: Peer, text: string): void {
    this.write(peer.number, [refusedFrame(text)]);
    peer.intake.crowded(this.#options.now());
    this.#overran(peer, 'frames');
  }

  #crowded({ intake, number }: Peer): void {
    if (intake.pauseFor('crowd')) this.#inbox.whenDrained(number, () => intake.resume('crowd'));
  }

  /** A ping or a pong: a sign of life, within the budget. */
  controlled(peer: Peer, ping: Buffer | undefined): void {
    const { intake, ws, socket, number } = peer;
    if (ws.readyState !== ws.OPEN) return;
    const found = intake.control(this.#options.now());
    if (found === 'over') return this.#overran(peer, 'control_frames');
    if (found === 'awaited') this.#inbox.heard(number);
    // A client that does not read gets no pongs, because nothing else would bound them.
    if (ping === undefined || peer.isCongested) return;
    ws.pong(ping);
    if (socket.writableLength > this.#outboundMax) this.#congest(peer);
  }

  /** Counts one overrun of a budget. A client that keeps exceeding them is evicted. */
  #overran(peer: Peer, what: Overrun): void {
    this.#options.onOverrun(what);
    if (peer.intake.isAbused) this.#putOut(peer);
  }

  #overrun(number: number, what: Overrun): void {
    const peer = this.#peers.get(number);
    if (!peer || peer.ws.readyState !== peer.ws.OPEN) return;
    this.#options.onOverrun(what);
    this.#putOut(peer);
  }

  /** Evicts at once: `ws` might find another reason to close, and the actor may have to wait for its turn. */
  #putOut(peer: Peer): void {
    this.close(peer.number, CLOSE_CODES.rate_abuse, 'rate_abuse');
    this.#inbox.abused(peer.number);
  }

  broken(reason: BrokenFrame): void {
    this.#options.onBroken(reason);
  }

  closed(peer: Peer, code: number): void {
    this.#peers.delete(peer.number);
    peer.pending = undefined;
    this.#watch.delete(peer.intake);
    this.#inbox.closed(peer.number, code);
  }

  /** Cuts every socket at once, when there is no time left for a close. */
  terminateAll(): void {
    for (const peer of this.#peers.values()) peer.ws.terminate();
  }
}

const NOBODY: Measured = { readBytes: 0, heldBytes: 0, heardAt: -Infinity };

/** Codes that close a client which continued in spite of warnings. */
const PUT_OUT: ReadonlySet<number> = new Set([CLOSE_CODES.too_many_bad_frames, CLOSE_CODES.rate_abuse]);
