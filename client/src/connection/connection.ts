import {
  badServerFrame,
  CLOSE,
  closeName,
  failure,
  GIVEN_UP,
  mayReconnect,
  slotOf,
  type ClientError,
} from '../errors.ts';
import type { BasePorts } from '../ports.ts';
import { decodeFrame, type ServerFrame } from '../wire/decode-frame.ts';
import type { JudgeHandshake } from './handshake-refusal.ts';
import { Lifecycle } from './lifecycle.ts';
import type { ClientState, LifecycleAction, LifecycleTimer } from './lifecycle-table.ts';
import { ReconnectPolicy } from './reconnect-policy.ts';
import { ConnectionScope, type ClientScope } from './scopes.ts';

const HANDSHAKE_MS = 10_000;

const heartbeat = (status: 'ping' | 'pong'): string => `{"type":"heartbeat","status":"${status}"}`;

const ONLY_ONE = 'the token is over, and there is no other';

/** Until the server names its intervals. */
const NO_HEARTBEAT = { intervalMs: 0, timeoutMs: 0 };

/** Broken frames per minute that the client tolerates. */
const BROKEN_MAX = 20;

/** What owns the connections. */
export interface ConnectionOwner {
  /** The server has accepted the client on this connection. */
  connected(connection: ConnectionScope): void;
  /** False for a frame that breaks the protocol after all. */
  received(frame: ServerFrame, connection: ConnectionScope): boolean;
  lost(): void;
  /** Several attempts in a row have failed. */
  unreachable(): void;
  ended(why: ClientError): void;
}

/** One attempt to connect, and its connection if it succeeds. */
class Attempt extends ConnectionScope {
  token = '';
  isOpened = false;
  welcomedAt: number | undefined;
  /** When the server wants the client back, as named before the close. */
  slotAt: number | undefined;
}

/** The connections to a server, one after the other, by the chart in `lifecycle-table.ts`. */
export class Connection {
  readonly #url: string;
  readonly #client: ClientScope;
  readonly #ports: BasePorts;
  readonly #owner: ConnectionOwner;
  readonly #judge: JudgeHandshake | undefined;
  readonly #lifecycle: Lifecycle;
  readonly #policy: ReconnectPolicy;
  #attempt: Attempt | undefined;
  #heardAt = 0;
  /** When it entered its state. */
  #enteredAt = 0;
  /** The server accepted the client before, at this address. */
  #wasIn = false;
  #broken = 0;
  #brokenSince = 0;
  #why: ClientError | undefined;

  constructor(url: string, client: ClientScope, owner: ConnectionOwner, judge?: JudgeHandshake) {
    this.#url = url;
    this.#client = client;
    this.#ports = client.ports;
    this.#owner = owner;
    this.#judge = judge;
    this.#policy = new ReconnectPolicy(client.ports);
    this.#lifecycle = new Lifecycle(client.ports, {
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

  /** Why there is no connection; undefined while there is one, or before the first attempt. */
  get trouble(): ClientError | undefined {
    return this.#attempt?.isWelcomed ? undefined : this.#why;
  }

  start(): void {
    this.#lifecycle.fire('started');
  }

  /** The browser freezes the page as a whole. `start` resumes it. */
  hide(): void {
    this.#lifecycle.fire('hidden');
  }

  stop(): void {
    if (this.state === 'dead') return;
    this.#why = failure('closed', 'the client was closed');
    this.#lifecycle.fire('stopped');
  }

  // --- guards and actions of the chart

  #dueAt(timer: LifecycleTimer): number {
    const attempt = this.#attempt;
    const { intervalMs, timeoutMs } = attempt?.isWelcomed ? attempt.welcome.heartbeat : NO_HEARTBEAT;
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
        return this.#attempt?.send(heartbeat('ping'));
      case 'release':
        this.#drop(GIVEN_UP);
        return void (this.#why = failure('unavailable', 'the page is frozen'));
      case 'abandon':
        return this.#ended(failure('unavailable', 'the server does not answer'));
      case 'end': {
        // Requests that fail from here on must not be retried on this connection.
        this.#attempt?.end();
        this.#owner.ended(this.#why as ClientError);
        return this.#drop(CLOSE.normal);
      }
    }
  }

  #changed(state: ClientState): void {
    this.#enteredAt = this.#ports.now();
    const isOver = state === 'waiting' || state === 'dead';
    this.#client.emitter.emit('state', {
      state,
      ...(isOver && this.#why && { why: this.#why }),
      ...(state === 'waiting' && { retryAfterMs: Math.ceil(this.#policy.at - this.#enteredAt) }),
    });
  }

  // --- opening

  #open(): void {
    const { tokens } = this.#client;
    const attempt = (this.#attempt = new Attempt(this.#ports));
    tokens.get(
      attempt.within((given) => {
        if (attempt.token !== '') return;
        if (given.ok) return this.#openSocket(attempt, given.value);
        // A function that supplies no token is called again. A fixed token that has expired stays expired.
        if (tokens.isRenewable) this.#lost(given.error);
        else this.#refused(failure('unauthorized', ONLY_ONE));
      }),
    );
  }

  #openSocket(attempt: Attempt, token: string): void {
    attempt.token = token;
    const closed = attempt.within((code: number, reason: string) => this.#closed(attempt, code, reason));
    try {
      attempt.socket = this.#ports.open(this.#url, ['vagus.v1', `bearer.${token}`], {
        opened: () => void (attempt.isOpened = true),
        message: attempt.within((text: string) => this.#received(attempt, text)),
        closed,
      });
    } catch {
      // The token may fit no subprotocol, or the address no socket. The close reports it as the server would.
      this.#ports.after(0, () => closed(CLOSE.abnormal, ''));
    }
  }

  // --- frames

  #received(attempt: Attempt, text: string): void {
    attempt.isOpened = true;
    this.#heardAt = this.#ports.now();
    this.#lifecycle.fire('heard');
    const frame = decodeFrame(text);
    if (!frame) return this.#isBroken();
    if (frame.type === 'ping') return attempt.send(heartbeat('pong'));
    if (!attempt.isWelcomed) {
      if (frame.type !== 'told' || frame.name !== 'welcome') return;
      attempt.isWelcomed = this.#wasIn = true;
      attempt.welcome = frame.event;
      // 0 means no limit.
      attempt.frameBytes = frame.event.limits.frameBytes || Infinity;
      attempt.welcomedAt = this.#heardAt;
      return this.#lifecycle.fire('welcomed');
    }
    if (frame.type === 'told' && frame.name === 'draining')
      attempt.slotAt = this.#heardAt + frame.event.retryAfterMs;
    if (!this.#owner.received(frame, attempt)) this.#isBroken();
  }

  #isBroken(): void {
    const now = this.#ports.now();
    if (now - this.#brokenSince > 60_000) {
      this.#brokenSince = now;
      this.#broken = 0;
    }
    this.#broken++;
    this.#client.emitter.emit('error', badServerFrame());
    if (this.#broken <= BROKEN_MAX || !this.#attempt) return;
    this.#broken = 0;
    this.#lost(badServerFrame());
  }

  #greet(): void {
    this.#client.tokens.accepted();
    const attempt = this.#attempt as Attempt;
    this.#owner.connected(attempt);
    // A server judges a client that has sent one by its frames, because browsers answer pings of the protocol for a
    // sleeping page (PU3).
    attempt.send(heartbeat('pong'));
  }

  // --- ends

  #closed(attempt: Attempt, code: number, reason: string): void {
    attempt.socket = undefined;
    const { tokens } = this.#client;
    if (!attempt.isOpened) return this.#notLetIn(attempt);
    const closing = reason === '' ? `${code}` : `${code} ${reason}`;
    if (code === CLOSE.token_expired) {
      tokens.expired();
      if (!tokens.isRenewable) return this.#refused(failure('unauthorized', ONLY_ONE));
    }
    if (!mayReconnect(code))
      return this.#refused(failure(closeName(code), `the server closed with ${closing}`));
    const slot = code === CLOSE.draining ? slotOf(reason) : undefined;
    const told = attempt.slotAt === undefined ? undefined : Math.max(0, attempt.slotAt - this.#ports.now());
    this.#lost(failure('unavailable', `the connection was lost (${closing})`), slot ?? told);
  }

  #notLetIn(attempt: Attempt): void {
    const { tokens } = this.#client;
    const { token } = attempt;
    if (this.#judge) {
      const failed = { url: this.#url, token, tokens, wasIn: this.#wasIn, attempt };
      return this.#judge(failed, ({ why, isFinal }) => (isFinal ? this.#refused(why) : this.#lost(why)));
    }
    this.#lost(failure('unavailable', 'the handshake failed'));
  }

  #refused(why: ClientError): void {
    this.#why = why;
    this.#lifecycle.fire('refused');
  }

  #lost(why: ClientError, slotMs?: number): void {
    this.#ended(why, slotMs);
    this.#lifecycle.fire('lost');
  }

  /** The attempt is over. Another one follows. */
  #ended(why: ClientError, slotMs?: number): void {
    const attempt = this.#attempt;
    this.#drop(GIVEN_UP);
    this.#why = why;
    this.#policy.after(why, attempt?.welcomedAt, slotMs);
    if (this.#policy.isUnreachable) this.#owner.unreachable();
  }

  #drop(code: number): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.end();
    this.#owner.lost();
    try {
      attempt?.socket?.close(code);
    } catch {
      // The connection no longer matters.
    }
  }
}
