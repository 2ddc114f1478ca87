import type { TokenSource } from './connection/tokens.ts';
import { CLOSE, VagusError, type Done } from './errors.ts';
import type { ClientSocket, PostAnswer, Ports, Refusal, SocketHandlers } from './ports.ts';
import { ERROR, pick, type Schema } from './wire/frame-schemas.ts';

/** What is used of a WebSocket: those of browsers, of Node.js 22 and of `ws` fit. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  /** That of `ws` can be ended without the other side. */
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

interface Aborter {
  readonly signal: unknown;
  abort(): void;
}

/** The few globals of browsers and Node.js that are used, so that the types of neither are needed. */
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

const world = globalThis as unknown as World;

const HTTP_TIMEOUT_MS = 10_000;

/** What the other side has time for once something is closed here: a process of Node.js lives as long as that. */
const CLOSE_MS = 2_000;

/** A timer that is longer goes off at once. */
const TIMER_MAX_MS = 2_147_483_647;

const { code, message, retryAfterMs } = ERROR;
const REFUSAL: Schema<Omit<Refusal, 'time'>> = { code, message, retryAfterMs };

/** The core's ports on this platform. Throws a {@link VagusError}: `bad_url`, `no_websocket`. */
export function platformPorts(
  url: string,
  given: { readonly WebSocket?: WebSocketClass; readonly fetch?: Fetch },
): Ports {
  const base = httpBase(url);
  const Socket = given.WebSocket ?? world.WebSocket;
  if (typeof Socket !== 'function')
    throw new VagusError({
      code: 'no_websocket',
      message: 'there is no global WebSocket; give the one of ws: connect(url, { token, WebSocket })',
    });
  const { ask, end } = asker(given.fetch ?? world.fetch);
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
    page: (hidden, shown) => {
      world.addEventListener?.('pagehide', hidden);
      world.addEventListener?.('pageshow', shown);
      return () => {
        world.removeEventListener?.('pagehide', hidden);
        world.removeEventListener?.('pageshow', shown);
      };
    },
    probe: (token, done) =>
      ask(`${base}/ws`, { method: 'GET', headers: bearer(token) }, (answer) => done(toRefusal(answer))),
    post: ({ room, token, body }, done) => {
      const headers = { ...bearer(token), 'content-type': 'application/json' };
      ask(`${base}/v1/rooms/${room}/messages`, { method: 'POST', headers, body }, done);
    },
    end,
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
  // The one of Node.js 22 says nothing else of a handshake that failed; with others a close follows.
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

/** If the process lives until then: it is not kept alive for that. */
function later(ms: number, run: () => void): void {
  (world.setTimeout(run, ms) as { unref?(): void }).unref?.();
}

/** What stands before `/ws` and `/v1`. */
function httpBase(url: string): string {
  let parsed;
  try {
    parsed = new world.URL(url);
  } catch {
    parsed = undefined;
  }
  const isFit =
    parsed && /^wss?:$/.test(parsed.protocol) && parsed.pathname.endsWith('/ws') && parsed.hash === '';
  // What stands before the host or behind the question mark may be a secret, and is not said again.
  const shown = parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : 'what is no URL';
  if (!parsed || !isFit || parsed.username !== '' || parsed.password !== '')
    throw new VagusError({
      code: 'bad_url',
      message: `the url must be ws://…/ws or wss://…/ws, without a user, a password or a #, not ${shown}`,
    });
  const [base = ''] = parsed.href.split('?');
  return base.replace(/^ws/, 'http').slice(0, -'/ws'.length);
}

/** Random, and not by `randomUUID`: a page without TLS has none. */
function newId(): string {
  const bytes = world.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

/** Asks by HTTP, and calls back in any case. `end` gives up what is under way. */
function asker(fetch: Fetch | undefined) {
  const open = new Set<Aborter>();
  const ask = (
    url: string,
    init: Parameters<Fetch>[1],
    done: (answer: PostAnswer | undefined) => void,
  ): void => {
    if (!fetch) return void world.setTimeout(() => done(undefined), 0);
    const aborter = new world.AbortController();
    open.add(aborter);
    const timer = world.setTimeout(() => aborter.abort(), HTTP_TIMEOUT_MS);
    const asked = async (): Promise<PostAnswer> => {
      const answer = await fetch(url, { ...init, signal: aborter.signal as never });
      const time = Date.parse(answer.headers?.get('date') ?? '');
      const body: unknown = await answer.json().catch(() => undefined);
      return { status: answer.status, body, ...(Number.isNaN(time) ? {} : { time }) };
    };
    const told = (answer?: PostAnswer): void => {
      world.clearTimeout(timer);
      open.delete(aborter);
      done(answer);
    };
    asked().then(told, () => told());
  };
  const end = (): void => later(CLOSE_MS, () => open.forEach((aborter) => aborter.abort()));
  return { ask, end };
}

function toRefusal(answer: PostAnswer | undefined): Refusal | undefined {
  if (!answer) return undefined;
  const told = pick(answer.body, REFUSAL);
  const message = `it answered ${answer.status}, and not as a server of Vagus does`;
  return { ...(told ?? { code: 'unavailable', message }), ...(answer.time ? { time: answer.time } : {}) };
}

/** What is told once, as a promise that is rejected with a {@link VagusError}. */
export function promised<Value>(ask: (done: Done<Value>) => void): Promise<Value> {
  const promise = new Promise<Value>((resolve, reject) => {
    ask((result) => (result.ok ? resolve(result.value) : reject(new VagusError(result.error))));
  });
  // Whoever awaits it is told all the same; a process that does not may live.
  promise.catch(() => {});
  return promise;
}

/** What gives tokens, as the core asks it: it may throw, or never end. */
export function sourceOf(token: string | (() => string | Promise<string>)): string | TokenSource {
  if (typeof token === 'string') return token;
  const ask = async (): Promise<string> => token();
  return (done) => void ask().then(done, (cause: unknown) => done(undefined, cause));
}
