import type { IncomingMessage } from 'node:http';
import type { Claims } from '../../runtime/ports/tokens.ts';
import { readOffer, type Offer } from '../ws/handshake.ts';
import { AskCredits } from './ask-credits.ts';
import { identify, type Authenticate } from './bearer.ts';
import { clientAddress } from './client-address.ts';
import type { Origins } from './origins.ts';
import { RateLimit } from './rate-limit.ts';
import type { HttpRefusal } from './refusal.ts';

export interface AdmissionOptions {
  readonly origins: Origins;
  /** Whether `?token=` counts when neither header nor subprotocol has a token (HS2). Proxies log URLs. */
  readonly tokenInUrl: boolean;
  /** New connections per second from one address, and as many refused tokens of other requests (LM3); 0: no limit. */
  readonly connectionsPerSecond: number;
  /** The proxies, as addresses and networks, whose `X-Forwarded-For` the server trusts. */
  readonly trustedProxies: readonly string[];
  /** Connections beyond which the node is overloaded; 0: no limit. */
  readonly connectionsMax: number;
  /** Concurrent handshakes beyond which the node is overloaded; default 5,000. */
  readonly handshakesMax?: number;
  /** Open connections of this node. */
  readonly connections: () => number;
  /** Why the node accepts no client right now; undefined when it does. */
  readonly closedBecause: () => HttpRefusal | undefined;
  readonly authenticate: Authenticate;
  /**
   * Whether a user has reached the limit of connections (LM6). It calls back once, and soon. Unless `isKept`, it reserves a
   * place for the connection that is about to open.
   */
  readonly admit: (user: string, isKept: boolean, done: (isFull: boolean) => void) => void;
  /** Returns a reserved place, because the connection does not open. */
  readonly giveBack: (user: string) => void;
}

/**
 * Checking a token takes a core up to 100 µs. This is half a second of work, and later handshakes would time out anyway.
 */
const HANDSHAKES_MAX = 5_000;

/**
 * The checks before a connection, in the order of HS3. They serve an upgrade, and a plain `GET /ws` with which a page asks
 * for the reason of a refusal that it cannot read. The cheaper a check, the earlier it comes.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #handshakesMax: number;
  readonly #rate: RateLimit;
  readonly #asks: AskCredits;
  readonly #refusedTokens: RateLimit;
  readonly #addressOf: (request: IncomingMessage) => string;
  #underWay = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#handshakesMax = options.handshakesMax ?? HANDSHAKES_MAX;
    this.#rate = new RateLimit(options.connectionsPerSecond, 1);
    this.#asks = new AskCredits(options.connectionsPerSecond);
    this.#refusedTokens = new RateLimit(options.connectionsPerSecond, 1);
    this.#addressOf = clientAddress(options.trustedProxies);
  }

  /**
   * The claims of a client that may connect, or why it may not. The check takes time. An upgrade therefore asks
   * {@link closed} once more afterwards, and a caller that opens no connection after all returns the place.
   */
  async check(request: IncomingMessage, isUpgrade: boolean): Promise<Claims | HttpRefusal> {
    const offer = readOffer(request, { isUpgrade, tokenInUrl: this.#options.tokenInUrl });
    if ('code' in offer) return offer;
    const closed = this.closed() ?? (this.#underWay >= this.#handshakesMax ? OVERLOADED : undefined);
    if (closed) return closed;
    this.#underWay++;
    try {
      return await this.#checkClient(request, offer, isUpgrade);
    } finally {
      this.#underWay--;
    }
  }

  /**
   * The user of a request to another route than `/ws`, or why there is none. Only refused tokens use up their address's
   * limit. The limit is checked before the token, which costs more. Beyond it a good token has to wait too, for less than a
   * second.
   */
  async caller(request: IncomingMessage, token: string | undefined): Promise<Claims | HttpRefusal> {
    const address = this.#addressOf(request);
    const retryAfterMs = token === undefined ? 0 : await this.#refusedTokens.look(address);
    if (retryAfterMs > 0) {
      return { code: 'rate_limited', message: 'too many refused tokens from this address', retryAfterMs };
    }
    const claims = await identify(this.#options.authenticate, token);
    const isRefused = 'code' in claims && claims.code === 'unauthorized';
    if (isRefused && token !== undefined) await this.#refusedTokens.take(address);
    return claims;
  }

  /** Why the node accepts no client at all right now; undefined when it does. */
  closed(): HttpRefusal | undefined {
    const { closedBecause, connections, connectionsMax } = this.#options;
    return (
      closedBecause() ?? (connectionsMax > 0 && connections() >= connectionsMax ? OVERLOADED : undefined)
    );
  }

  /** Without this, a few failed handshakes would lock their user out for 10 s (LM6). */
  giveBack({ user }: Claims): void {
    this.#options.giveBack(user);
  }

  async #checkClient(
    request: IncomingMessage,
    offer: Offer,
    isUpgrade: boolean,
  ): Promise<Claims | HttpRefusal> {
    const address = this.#addressOf(request);
    const isPaid = !isUpgrade && this.#asks.spend(address);
    const retryAfterMs = isPaid ? 0 : await this.#rate.take(address);
    if (retryAfterMs > 0) {
      return { code: 'rate_limited', message: 'too many new connections from this address', retryAfterMs };
    }
    const admitted = await this.#checkRights(request, offer, isUpgrade);
    if (isUpgrade && 'code' in admitted) this.#asks.leave(address);
    return admitted;
  }

  async #checkRights(
    request: IncomingMessage,
    { token }: Offer,
    isUpgrade: boolean,
  ): Promise<Claims | HttpRefusal> {
    const { origins, authenticate } = this.#options;
    const refusal = origins.refusal(request.headers.origin);
    if (refusal) return refusal;
    const claims = await identify(authenticate, token);
    if ('code' in claims) return claims;
    return (await this.#isFull(claims.user, isUpgrade)) ? TOO_MANY : claims;
  }

  #isFull(user: string, isKept: boolean): Promise<boolean> {
    return new Promise((resolve) => this.#options.admit(user, isKept, resolve));
  }
}

const OVERLOADED: HttpRefusal = {
  code: 'overloaded',
  message: 'this node has as many connections as it can serve; try another one, or later',
  retryAfterMs: 5_000,
};

const TOO_MANY: HttpRefusal = {
  code: 'too_many_connections',
  message: 'you have as many connections as one user may have; close one first',
};
