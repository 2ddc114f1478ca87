import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { isValidFrame } from './frame-check.ts';

/** A frame as it came; the checks are the tests'. */
export type Frame = Record<string, any>;

export interface ConnectOptions {
  readonly token?: string;
  readonly subprotocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Does not answer protocol pings: a client that is there and says nothing. */
  readonly isMute?: boolean;
}

/** A refused upgrade. */
export interface Refused {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Frame;
}

const PATIENCE_MS = 10_000;

/** Types of frames that answer a request by its id. */
const REPLIES = new Set(['ack', 'error', 'history', 'presence', 'rooms', 'heartbeat']);

/** A client that is not ours: `ws` and nothing else. Every frame it gets is held against the protocol's schemas. */
export class TestClient {
  readonly ws: WebSocket;
  /** Every frame since the beginning. */
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** Frames before this one have been taken by `next`. */
  #taken = 0;
  #ids = 0;
  readonly #replies = new Map<string, Frame>();
  readonly #askers = new Map<string, (frame: Frame) => void>();
  #wake: (() => void)[] = [];
  #broken: string | undefined;
  #isClosed = false;

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      this.#broken ??= isValidFrame(frame);
      this.frames.push(frame);
      if (frame['id'] !== undefined && REPLIES.has(frame['type'] as string)) this.#replied(frame);
      this.#wakeAll();
    });
    ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        this.#isClosed = true;
        resolve({ code, reason: reason.toString() });
        this.#wakeAll();
      });
    });
  }

  static async open(url: string, options: ConnectOptions = {}): Promise<TestClient> {
    const ws = socket(url, options);
    const client = new TestClient(ws);
    await once(ws, 'open');
    return client;
  }

  /** For upgrades that are to be refused. */
  static refused(url: string, options: ConnectOptions = {}): Promise<Refused> {
    const ws = socket(url, options);
    return new Promise((resolve, reject) => {
      ws.on('error', reject);
      ws.on('open', () => reject(new Error('the upgrade was not refused')));
      ws.on('unexpected-response', (request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          request.destroy();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: JSON.parse(Buffer.concat(chunks).toString()) as Frame,
          });
        });
      });
    });
  }

  #replied(frame: Frame): void {
    const id = frame['id'] as string;
    this.#replies.set(id, frame);
    this.#askers.get(id)?.(frame);
  }

  #wakeAll(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const run of wake) run();
  }

  send(frame: object | string): void {
    this.ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** The next frame that fits, among those that no `next` has passed yet. */
  async next(fits: (frame: Frame) => boolean, patienceMs = PATIENCE_MS): Promise<Frame> {
    let found: Frame | undefined;
    await this.until(() => {
      while (!found && this.#taken < this.frames.length) {
        const frame = this.frames[this.#taken++] as Frame;
        if (fits(frame)) found = frame;
      }
      return found !== undefined;
    }, patienceMs);
    return found as unknown as Frame;
  }

  /** Waits until something is true, asking again with every frame. */
  async until(isTrue: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const end = Date.now() + patienceMs;
    while (!isTrue()) {
      if (this.#broken) throw new Error(`a frame breaks the protocol: ${this.#broken}`);
      if (this.#isClosed) throw new Error(`closed while waiting; last frames: ${this.#tail()}`);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no such frame came; last frames: ${this.#tail()}`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    if (this.#broken) throw new Error(`a frame breaks the protocol: ${this.#broken}`);
  }

  #tail(): string {
    return JSON.stringify(this.frames.slice(-5));
  }

  type(type: string, action?: string): Promise<Frame> {
    return this.next(
      (frame) => frame['type'] === type && (action === undefined || frame['action'] === action),
    );
  }

  /** What the welcome said. */
  get welcomed(): Frame {
    return (this.frames[0]?.['data'] ?? {}) as Frame;
  }

  async welcome(): Promise<Frame> {
    return (await this.type('notification', 'welcome'))['data'] as Frame;
  }

  /** Sends a request with an id and waits for its reply, whichever it is. `next` does not notice. */
  async request(frame: object, patienceMs = PATIENCE_MS): Promise<Frame> {
    const id = ((frame as Frame)['id'] as string | undefined) ?? `t-${++this.#ids}`;
    this.#replies.delete(id);
    this.send({ ...frame, id });
    return this.reply(id, patienceMs);
  }

  /** The reply to the last request with this id. */
  async reply(id: string, patienceMs = PATIENCE_MS): Promise<Frame> {
    const known = this.#replies.get(id);
    if (known) return known;
    let timer: NodeJS.Timeout | undefined;
    const failed = new Promise<never>((_, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${why} instead of the reply to ${id}; last frames: ${this.#tail()}`));
      timer = setTimeout(() => fail('nothing came'), patienceMs);
      void this.closed.then(() => fail('the socket was closed'));
    });
    const came = new Promise<Frame>((resolve) => this.#askers.set(id, resolve));
    try {
      return await Promise.race([came, failed]);
    } finally {
      clearTimeout(timer);
      this.#askers.delete(id);
      if (this.#broken) throw new Error(`a frame breaks the protocol: ${this.#broken}`);
    }
  }

  /** Everything that was under way before this has arrived when it returns. */
  async fence(): Promise<void> {
    await this.request({ type: 'heartbeat', status: 'ping' });
  }

  /** Chats of a room that came so far, as `seq content`. */
  chats(room: string): string[] {
    return this.frames
      .filter((frame) => frame['type'] === 'chat' && frame['room'] === room)
      .map((frame) => `${frame['seq']} ${frame['content']}`);
  }

  notifications(action: string): Frame[] {
    return this.frames.filter((frame) => frame['type'] === 'notification' && frame['action'] === action);
  }

  /** Waits for a chat of a room with this content. */
  chat(room: string, content: string): Promise<Frame> {
    return this.next(
      (frame) => frame['type'] === 'chat' && frame['room'] === room && frame['content'] === content,
    );
  }

  async close(code = 1000): Promise<void> {
    this.ws.close(code);
    await this.closed;
  }

  terminate(): void {
    this.ws.terminate();
  }
}

function socket(url: string, { token, subprotocols, headers, isMute }: ConnectOptions): WebSocket {
  return new WebSocket(url, [...(subprotocols ?? [])], {
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    perMessageDeflate: false,
    autoPong: !isMute,
  });
}
