import { CLOSE_CODES } from '../protocol/codes.ts';
import type { Random } from './random.ts';
import type { Scheduled, Timeline } from './timeline.ts';

/** What kernels on both sides hold of one direction before the sender has to keep it. */
const WINDOW_BYTES = 16 * 1024;

/** Milliseconds one way. */
const LATENCY_MS = [0.1, 12] as const;

/** How long a closing side waits for the other one's answer before it cuts the connection. */
const CLOSE_TIMEOUT_MS = 5_000;

/** What one write carries. */
export type Chunk =
  | {
      readonly type: 'frames';
      readonly frames: readonly string[];
      readonly bytes: number;
      readonly sentAt: number;
    }
  | { readonly type: 'ping' }
  | { readonly type: 'close'; readonly code: number };

/** One end's view of what happens. */
export interface LinkEnd {
  received(chunk: Chunk): void;
  closed(code: number): void;
}

/** The node's end hears too when the other one has read everything. */
export interface NodeEnd extends LinkEnd {
  drained(): void;
}

/**
 * One connection between a client and a node, as TCP and WebSocket make it: what is sent arrives in order, whole, or the
 * connection is over. What the client does not read stays in a window, and what does not fit there stays with the node.
 */
export class Link {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #client: LinkEnd;
  #node: NodeEnd | undefined;
  /** Nothing passes before this. */
  #heldUntil = 0;
  /** Nothing passes any more, and nobody is told. */
  #isDead = false;
  #lastToClient = 0;
  #lastToNode = 0;
  #isReading = true;
  /** Arrived at the client, and not read. */
  #unread: Chunk[] = [];
  /** With the node: not taken by its system. */
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #takenBytes = 0;
  #inFlightBytes = 0;
  #isClientClosed = false;
  #isNodeClosed = false;
  #closing: Scheduled | undefined;

  constructor(timeline: Timeline, random: Random, client: LinkEnd) {
    this.#timeline = timeline;
    this.#random = random;
    this.#client = client;
  }

  attach(node: NodeEnd): void {
    this.#node = node;
  }

  /** For the node: it is over before it began. */
  get isGone(): boolean {
    return this.#isNodeClosed;
  }

  // --- faults

  hold(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#timeline.now + ms);
  }

  /** Both sides hear of the end, each in its time. */
  reset(): void {
    this.#isDead = true;
    this.#timeline.after(this.#latency(), () => this.#endClient(ABNORMAL));
    this.#timeline.after(this.#latency(), () => this.#endNode(ABNORMAL));
  }

  /** Nothing passes any more; one side may be told. */
  halfOpen(told: 'client' | 'node' | 'nobody'): void {
    this.#isDead = true;
    if (told === 'client') this.#timeline.after(this.#latency(), () => this.#endClient(ABNORMAL));
    if (told === 'node') this.#timeline.after(this.#latency(), () => this.#endNode(ABNORMAL));
  }

  /** The node's process is gone; its system tells the client, or the whole machine is gone and nobody does. */
  nodeDied(isTold: boolean): void {
    this.#isNodeClosed = true;
    this.#node = undefined;
    // What it had handed to its system arrives all the same.
    if (isTold) this.#timeline.at(this.#arrival(this.#lastToClient), () => this.#endClient(ABNORMAL));
  }

  // --- from the client

  /** Sends one frame. */
  sendText(text: string): void {
    this.send({ type: 'frames', frames: [text], bytes: text.length, sentAt: this.#timeline.now });
  }

  send(chunk: Chunk): void {
    this.#lastToNode = this.#arrival(this.#lastToNode);
    this.#timeline.at(this.#lastToNode, () => {
      if (this.#isDead || this.#isNodeClosed) return;
      if (chunk.type === 'close') this.#endNode(chunk.code);
      else this.#node?.received(chunk);
    });
  }

  /** Closes as a client that goes: it says so, and waits for nobody. */
  closeByClient(code: number): void {
    if (this.#isClientClosed) return;
    this.send({ type: 'close', code });
    this.#isClientClosed = true;
  }

  /** Ends without a word, as a client whose process dies: its system resets the connection. */
  abandon(): void {
    this.#isClientClosed = true;
    this.#timeline.after(this.#latency(), () => this.#endNode(ABNORMAL));
  }

  stopReading(): void {
    this.#isReading = false;
  }

  readAgain(): void {
    this.#isReading = true;
    const unread = this.#unread;
    this.#unread = [];
    for (const chunk of unread) this.#read(chunk);
  }

  // --- from the node

  push(chunk: Chunk): void {
    if (this.#isNodeClosed) return;
    this.#queue.push(chunk);
    this.#queuedBytes += bytesOf(chunk);
    this.#pump();
  }

  /** Says why, and waits for the client to close as well, but not for ever. */
  closeByNode(code: number): void {
    if (this.#closing || this.#isNodeClosed) return;
    this.push({ type: 'close', code });
    this.#closing = this.#timeline.after(CLOSE_TIMEOUT_MS, () => {
      this.#isDead = true;
      this.#endNode(ABNORMAL);
      this.#timeline.after(this.#latency(), () => this.#endClient(ABNORMAL));
    });
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Taken by the node's system since the beginning. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  #pump(): void {
    const had = this.#queuedBytes;
    for (let chunk = this.#queue[0]; chunk; chunk = this.#queue[0]) {
      const bytes = bytesOf(chunk);
      if (this.#inFlightBytes > 0 && this.#inFlightBytes + bytes > WINDOW_BYTES) break;
      this.#queue.shift();
      this.#queuedBytes -= bytes;
      this.#takenBytes += bytes;
      this.#inFlightBytes += bytes;
      this.#carry(chunk);
    }
    if (had > 0 && this.#queuedBytes === 0) this.#node?.drained();
  }

  #carry(chunk: Chunk): void {
    this.#lastToClient = this.#arrival(this.#lastToClient);
    this.#timeline.at(this.#lastToClient, () => {
      if (this.#isDead || this.#isClientClosed) return;
      if (this.#isReading) this.#read(chunk);
      else this.#unread.push(chunk);
    });
  }

  #read(chunk: Chunk): void {
    if (this.#isClientClosed) return;
    this.#inFlightBytes -= bytesOf(chunk);
    if (chunk.type === 'close') {
      this.send(chunk);
      return this.#endClient(chunk.code);
    }
    this.#client.received(chunk);
    this.#pump();
  }

  // --- ends

  #endClient(code: number): void {
    if (this.#isClientClosed) return;
    this.#isClientClosed = true;
    this.#client.closed(code);
  }

  #endNode(code: number): void {
    if (this.#isNodeClosed) return;
    this.#isNodeClosed = true;
    this.#timeline.cancel(this.#closing);
    this.#node?.closed(code);
    // A client that has closed already is not told; another one finds the connection gone.
    if (!this.#isDead && code !== ABNORMAL) this.#endClient(code);
  }

  #latency(): number {
    return this.#random.delay(...LATENCY_MS);
  }

  /** In order, and not while something holds the connection. */
  #arrival(last: number): number {
    return Math.max(last, this.#heldUntil, this.#timeline.now + this.#latency());
  }
}

function bytesOf(chunk: Chunk): number {
  return chunk.type === 'frames' ? chunk.bytes : 8;
}

/** A close without a code of the client's own. */
export const NORMAL = CLOSE_CODES.normal;

/** It ended without a close. */
export const ABNORMAL = 1006;
