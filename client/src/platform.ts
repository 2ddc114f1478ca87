import { wrongToken, type TokenSource } from './connection/tokens.ts';
import { CLOSE, VagusError, type Done } from './errors.ts';
import type { BasePorts, ClientSocket, SocketHandlers } from './ports.ts';

/** The part of a WebSocket that the client uses. Those of browsers, of Node.js 22 and of `ws` fit. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  /** `ws` can end a socket without the other side. */
  terminate?(): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

interface Answer {
  readonly status: number;
  readonly headers?: { get(name: string): string | null };
  json(): Promise<unknown>;
}

export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string; signal?: never },
) => Promise<Answer>;

export interface Aborter {
  readonly signal: unknown;
  abort(): void;
}

/** The few globals of browsers and Node.js that the client uses, so that it needs the types of neither. */
interface World {
  readonly WebSocket?: WebSocketClass;
  readonly fetch?: Fetch;
  readonly AbortController: new () => Aborter;
  readonly performance: { now(): number };
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  readonly URL: new (url: string) => {
    readonly protocol: string;
    readonly host: string;
    readonly pathname: string;
    readonly hash: string;
    readonly username: string;
    readonly password: string;
    readonly href: string;
  };
  addEventListener?(type: 'pagehide' | 'pageshow', listener: () => void): void;
  removeEventListener?(type: 'pagehide' | 'pageshow', listener: () => void): void;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The platform, with only the globals above. */
export const world = globalThis as unknown as World;

/** How long the server may take to answer a close. A process of Node.js may live that long. */
export const CLOSE_MS = 2_000;

/** A longer timer would fire at once. */
const TIMER_MAX_MS = 2_147_483_647;

/** The ports of the core's base on this platform. Throws a {@link VagusError}: `no_websocket`. */
export function platformPorts(given: { readonly WebSocket?: WebSocketClass }): BasePorts {
  const Socket = given.WebSocket ?? world.WebSocket;
  if (typeof Socket !== 'function')
    throw new VagusError({
      code: 'no_websocket',
      message: 'there is no global WebSocket: give the one of ws',
    });
  return {
    open: (address, protocols, handlers) => open(new Socket(address, [...protocols]), handlers),
    now: () => world.performance.now(),
    wall: () => Date.now(),
    after: (ms, run) => {
      const timer = world.setTimeout(run, Math.min(ms, TIMER_MAX_MS));
      return () => world.clearTimeout(timer);
    },
    random: () => Math.random(),
    newId,
  };
}

function open(socket: WebSocketLike, handlers: SocketHandlers): ClientSocket {
  let isOpened = false;
  let isOver = false;
  const closed = (code: number, reason: string): void => {
    if (isOver) return;
    isOver = true;
    handlers.closed(code, reason);
  };
  socket.addEventListener('open', () => {
    isOpened = true;
    handlers.opened();
  });
  // Node.js 22 reports a failed handshake only so. With other implementations a close follows.
  socket.addEventListener('error', () => {
    if (!isOpened) closed(CLOSE.abnormal, '');
  });
  socket.addEventListener('message', ({ data }) => handlers.message(typeof data === 'string' ? data : ''));
  socket.addEventListener('close', ({ code, reason }) => closed(code, reason));
  return {
    send: (text) => socket.send(text),
    close: (code) => {
      socket.close(code);
      later(CLOSE_MS, () => socket.terminate?.());
    },
  };
}

/** Runs a function after a time. The timer does not keep the process alive. */
export function later(ms: number, run: () => void): void {
  (world.setTimeout(run, ms) as { unref?(): void }).unref?.();
}

/** Watches the browser freeze and resume the page. Returns a function that ends the watch. */
export function watchPage(hidden: () => void, shown: () => void): () => void {
  world.addEventListener?.('pagehide', hidden);
  world.addEventListener?.('pageshow', shown);
  return () => {
    world.removeEventListener?.('pagehide', hidden);
    world.removeEventListener?.('pageshow', shown);
  };
}

/** A random id without `randomUUID`, which pages without TLS do not have. */
function newId(): string {
  const bytes = world.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A callback as a promise, which rejects with a {@link VagusError}. */
export function promised<Value>(ask: (done: Done<Value>) => void): Promise<Value> {
  const promise = new Promise<Value>((resolve, reject) => {
    ask((result) => (result.ok ? resolve(result.value) : reject(new VagusError(result.error))));
  });
  // A caller that awaits it still gets the error. A caller that does not keeps its process.
  promise.catch(() => {});
  return promise;
}

/** The token source for the core. It may throw, or never answer. Throws a {@link VagusError}: `no_token`. */
export function sourceOf(token: string | (() => string | Promise<string>)): string | TokenSource {
  if (typeof token === 'function') {
    const ask = async (): Promise<string> => token();
    return (done) => void ask().then(done, (cause: unknown) => done(undefined, cause));
  }
  const wrong = wrongToken(token);
  if (wrong) throw new VagusError(wrong);
  return token;
}
