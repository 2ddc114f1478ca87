import { CLOSE, closeName, failure, GIVEN_UP, mayReconnect, slotOf, type ClientError } from '../errors.ts';
import { judgeRefusal } from './handshake-refusal.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import type { Emitter } from '../events.ts';
import type { Welcome } from '../wire/frames.ts';
import { decodeFrame } from '../wire/decode-frame.ts';
import type { FrameRouter } from '../wire/frame-router.ts';
import { Lifecycle } from './lifecycle.ts';
import type { ClientState, LifecycleAction, LifecycleTimer } from './lifecycle-table.ts';
import type { ClientSocket, Ports } from '../ports.ts';
import type { Tokens } from './tokens.ts';

const HANDSHAKE_MS = 10_000;

const SIGN_OF_LIFE = '{"type":"heartbeat","status":"pong"}';

const ONLY_ONE = 'the token is over, and there is no other';

/** Broken frames in a minute that are suffered. */
const BROKEN_MAX = 20;

export interface ConnectionParts {
  readonly url: string;
  readonly ports: Ports;
  readonly tokens: Tokens;
  readonly emitter: Emitter;
  readonly router: FrameRouter;
  readonly up: (welcome: Welcome, send: (text: string) => void) => void;
  readonly down: () => void;
  readonly unreachable: () => void;
  readonly ended: (why: ClientError) => void;
}

/** One attempt to have a connection, and the connection when it succeeds. */
interface Attempt {
  token: string;
  socket: ClientSocket | undefined;
  isOpened: boolean;
  welcome: Welcome | undefined;
  welcomedAt: number | undefined;
  /** When the server wants us back, as it said before it closed. */
  slotAt: number | undefined;
}

/** The way to the server: one connection after the other, as the chart in `lifecycle-table.ts` says. */
export class Connection {
  readonly #parts: ConnectionParts;
  readonly #lifecycle: Lifecycle;
  readonly #policy: ReconnectPolicy;
  #attempt: Attempt | undefined;
  #heardAt = 0;
  /** Since when it is connecting, or suspect. */
  #enteredAt = 0;
  #broken = 0;
  #brokenSince = 0;
  #why: ClientError | undefined;
  #forgetPage: (() => void) | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#policy = new ReconnectPolicy(parts.ports);
    this.#lifecycle = new Lifecycle(parts.ports, {
      dueAt: (timer) => this.#dueAt(timer),
      act: (action) => this.#act(action),
      changed: (state) => this.#changed(state),
    });
  }

  get state(): ClientState {
    return this.#lifecycle.state;
  }

  /** Why it is dead; undefined while it is not. */
  get why(): ClientError | undefined {
    return this.state === 'dead' ? this.#why : undefined;
  }

  /** Why there is no connection; undefined while there is one, or nothing is known. */
  get trouble(): ClientError | undefined {
    return this.#attempt?.welcome ? undefined : this.#why;
  }

  start(): void {
    this.#forgetPage ??= this.#parts.ports.page(
      () => this.#lifecycle.fire('hidden'),
      () => this.#lifecycle.fire('started'),
    );
    this.#lifecycle.fire('started');
  }

  stop(): void {
    if (this.state === 'dead') return;
    this.#why = failure('closed', 'the client was closed');
    this.#lifecycle.fire('stopped');
  }

  // --- the chart's words

  #dueAt(timer: LifecycleTimer): number {
    const { intervalMs, timeoutMs } = this.#attempt?.welcome?.heartbeat ?? { intervalMs: 0, timeoutMs: 0 };
    switch (timer) {
      case 'handshake':
        return this.#enteredAt + HANDSHAKE_MS;
      case 'silence':
        return this.#heardAt + intervalMs;
      case 'timeout':
        return this.#enteredAt + Math.max(0, Math.min(intervalMs, timeoutMs - intervalMs));
      case 'backoff':
        return this.#policy.at;
    }
  }

  #act(action: LifecycleAction): void {
    switch (action) {
      case 'open':
        return this.#open();
      case 'greet':
        return this.#greet();
      case 'ping':
        return this.write('{"type":"heartbeat","status":"ping"}');
      case 'release':
        this.#drop(GIVEN_UP);
        return void (this.#why = failure('unavailable', 'the page is put away'));
      case 'abandon':
        return this.#ended(failure('unavailable', 'the server does not answer'));
      case 'end': {
        this.#forgetPage?.();
        this.#parts.ports.end();
        this.#parts.ended(this.#why as ClientError);
        return this.#drop(CLOSE.normal);
      }
    }
  }

  #changed(state: ClientState): void {
    if (state === 'connecting' || state === 'suspect') this.#enteredAt = this.#parts.ports.now();
    const isOver = state === 'waiting' || state === 'dead';
    const pause =
      state === 'waiting' ? { retryAfterMs: Math.ceil(this.#policy.at - this.#parts.ports.now()) } : {};
    this.#parts.emitter.emit('state', {
      state,
      ...(isOver && this.#why ? { why: this.#why } : {}),
      ...pause,
    });
  }

  // --- opening

  #open(): void {
    const { tokens } = this.#parts;
    const attempt: Attempt = {
      token: '',
      socket: undefined,
      isOpened: false,
      welcome: undefined,
      welcomedAt: undefined,
      slotAt: undefined,
    };
    this.#attempt = attempt;
    tokens.get((given) => {
      if (this.#attempt !== attempt || attempt.token !== '') return;
      // A function that gives none is asked again; of a token that is over there will be no other.
      if (!given.ok)
        return tokens.isRenewable
          ? this.#lost(given.error)
          : this.#refused(failure('unauthorized', ONLY_ONE));
      attempt.token = given.value;
      this.#openSocket(attempt);
    });
  }

  #openSocket(attempt: Attempt): void {
    const { ports, url } = this.#parts;
    const mine = <Args extends readonly unknown[]>(run: (...args: Args) => void) => {
      return (...args: Args): void => {
        if (this.#attempt === attempt) run(...args);
      };
    };
    const closed = mine((code: number, reason: string) => this.#closed(attempt, code, reason));
    try {
      attempt.socket = ports.open(url, ['vagus.v1', `bearer.${attempt.token}`], {
        opened: mine(() => void (attempt.isOpened = true)),
        message: mine((text: string) => this.#received(attempt, text)),
        closed,
      });
    } catch {
      // A token that is no name for a subprotocol, an address that no socket takes: the server says what it is.
      ports.after(0, () => closed(CLOSE.abnormal, ''));
    }
  }

  // --- frames

  #received(attempt: Attempt, text: string): void {
    attempt.isOpened = true;
    this.#heardAt = this.#parts.ports.now();
    if (this.state === 'suspect') this.#lifecycle.fire('heard');
    const frame = decodeFrame(text);
    if (!frame) return this.#isBroken();
    if (frame.type === 'ping') return this.write(SIGN_OF_LIFE);
    if (!attempt.welcome) {
      if (frame.type !== 'welcome') return;
      attempt.welcome = frame.welcome;
      attempt.welcomedAt = this.#heardAt;
      this.#parts.router.user = frame.welcome.user;
      return this.#lifecycle.fire('welcomed');
    }
    if (frame.type === 'told' && frame.name === 'draining')
      attempt.slotAt = this.#heardAt + frame.event.retryAfterMs;
    if (!this.#parts.router.take(frame)) this.#isBroken();
  }

  #isBroken(): void {
    const now = this.#parts.ports.now();
    if (now - this.#brokenSince > 60_000) {
      this.#brokenSince = now;
      this.#broken = 0;
    }
    this.#broken++;
    this.#parts.router.broken();
    if (this.#broken <= BROKEN_MAX || !this.#attempt) return;
    this.#broken = 0;
    this.#lost(failure('bad_server_frame', 'the server speaks nonsense'));
  }

  #greet(): void {
    this.#parts.tokens.accepted();
    this.#parts.up(this.#attempt?.welcome as Welcome, (text) => this.write(text));
    // Who has sent one is judged by frames: of a page that is asleep the browser goes on answering protocol pings (PU3).
    this.write(SIGN_OF_LIFE);
  }

  /** Lost when there is no connection. */
  write(text: string): void {
    try {
      this.#attempt?.socket?.send(text);
    } catch {
      // It is closing: that is told by itself.
    }
  }

  // --- ends

  #closed(attempt: Attempt, code: number, reason: string): void {
    attempt.socket = undefined;
    const { ports, tokens } = this.#parts;
    if (!attempt.isOpened) {
      // A page cannot read why its upgrade was refused, so it is asked in another way (HS3).
      return ports.probe(attempt.token, (refusal) => {
        tokens.clock.heardDate(refusal?.time);
        if (this.#attempt !== attempt) return;
        const { url, router } = this.#parts;
        const wasIn = router.user !== '';
        const { why, isFinal } = judgeRefusal(refusal, { url, token: attempt.token, tokens, wasIn });
        if (isFinal) this.#refused(why);
        else this.#lost(why);
      });
    }
    const closing = reason === '' ? `${code}` : `${code} ${reason}`;
    if (code === CLOSE.token_expired && !tokens.expired())
      return this.#refused(failure('unauthorized', ONLY_ONE));
    if (!mayReconnect(code))
      return this.#refused(failure(closeName(code), `the server closed with ${closing}`));
    const slot = code === CLOSE.draining ? slotOf(reason) : undefined;
    const told = attempt.slotAt === undefined ? undefined : Math.max(0, attempt.slotAt - ports.now());
    this.#lost(failure('unavailable', `the connection was lost (${closing})`), slot ?? told);
  }

  #refused(why: ClientError): void {
    this.#why = why;
    this.#lifecycle.fire('refused');
  }

  #lost(why: ClientError, slotMs?: number): void {
    this.#ended(why, slotMs);
    this.#lifecycle.fire('lost');
  }

  /** The attempt is over, and there will be another. */
  #ended(why: ClientError, slotMs?: number): void {
    const attempt = this.#attempt;
    this.#drop(GIVEN_UP);
    this.#why = why;
    this.#policy.after(why, attempt?.welcomedAt, slotMs);
    if (this.#policy.isUnreachable) this.#parts.unreachable();
  }

  #drop(code: number): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#parts.down();
    try {
      attempt?.socket?.close(code);
    } catch {
      // Nothing more is wanted of it.
    }
  }
}
