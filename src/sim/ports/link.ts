import { CLOSE_CODES } from '../../protocol/codes.ts';
import type { Random } from '../kit/random.ts';
import type { Scheduled, Timeline } from '../kit/timeline.ts';

/** What the kernels hold in one direction before the sender must buffer. */
const WINDOW_BYTES = 16 * 1024;

/** Milliseconds in one direction. */
const LATENCY_MS = [0.1, 12] as const;

/** How long a closing side waits for the other's answer. After that it cuts the connection. */
const CLOSE_TIMEOUT_MS = 5_000;

/** The content of one write. */
export type Chunk =
  | {
      readonly type: 'frames';
      readonly frames: readonly string[];
      readonly bytes: number;
      readonly sentAt: number;
    }
  | { readonly type: 'ping' }
  | { readonly type: 'close'; readonly code: number };

/** The events of one end. */
export interface LinkEnd {
  received(chunk: Chunk): void;
  closed(code: number): void;
}

/** The node's end also learns when the client has read everything. */
export interface NodeEnd extends LinkEnd {
  drained(): void;
}

/**
 * One connection between a client and a node, like TCP and WebSocket: data arrives in order and whole, or the connection
 * ends. Unread data stays in a window. What does not fit there stays with the node.
 */
export class Link {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #client: LinkEnd;
  #node: NodeEnd | undefined;
  /** Nothing passes before this time. */
  #heldUntil = 0;
  /** Nothing passes any more, and no side knows. */
  #isDead = false;
  #lastToClient = 0;
  #lastToNode = 0;
  #isReading = true;
  /** Chunks that the client has received and not read. */
  #unread: Chunk[] = [];
  /** Chunks that the node holds, because its system has not taken them. */
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

  /** For the node: the connection ended before it began. */
  get isGone(): boolean {
    return this.#isNodeClosed;
  }

  // --- faults

  hold(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#timeline.now + ms);
  }

  /** Both sides learn of the end, each in its time. */
  reset(): void {
    this.#isDead = true;
    this.#timeline.after(this.#latency(), () => this.#endClient(ABNORMAL));
    this.#timeline.after(this.#latency(), () => this.#endNode(ABNORMAL));
  }

  /** Nothing passes any more. At most one side learns of it. */
  halfOpen(told: 'client' | 'node' | 'nobody'): void {
    this.#isDead = true;
    if (told === 'client') this.#timeline.after(this.#latency(), () => this.#endClient(ABNORMAL));
    if (told === 'node') this.#timeline.after(this.#latency(), () => this.#endNode(ABNORMAL));
  }

  /**
   * The node's process died. With `isTold` its system tells the client; otherwise the machine is gone and the client learns
   * nothing.
   */
  nodeDied(isTold: boolean): void {
    this.#isNodeClosed = true;
    this.#node = undefined;
    // What the process passed to its system still arrives.
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

  /** Closes like a leaving client, with a close frame and without waiting. */
  closeByClient(code: number): void {
    if (this.#isClientClosed) return;
    this.send({ type: 'close', code });
    this.#isClientClosed = true;
  }

  /** Ends like a client whose process dies: its system resets the connection. */
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

  /** Sends the reason, and waits for the client to close too, within a timeout. */
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

  /** Bytes that the node's system has taken since the start. */
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
    // A client that has closed already gets no event. Another one finds the connection gone.
    if (!this.#isDead && code !== ABNORMAL) this.#endClient(code);
  }

  #latency(): number {
    return this.#random.delay(...LATENCY_MS);
  }

  /** Keeps the order, and waits while a fault holds the connection. */
  #arrival(last: number): number {
    return Math.max(last, this.#heldUntil, this.#timeline.now + this.#latency());
  }
}

function bytesOf(chunk: Chunk): number {
  return chunk.type === 'frames' ? chunk.bytes : 8;
}

/** A close without a code of the client. */
export const NORMAL = CLOSE_CODES.normal;

/** The connection ended without a close. */
export const ABNORMAL = 1006;
