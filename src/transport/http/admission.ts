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
  /** Whether `?token=` counts when neither header nor subprotocol has one (HS2); URLs are logged. */
  readonly tokenInUrl: boolean;
  /** New connections a second from one address, and as many refused tokens of other requests (LM3); 0: no limit. */
  readonly connectionsPerSecond: number;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Connections of this node, past which it is overloaded; 0: no limit. */
  readonly connectionsMax: number;
  /** Handshakes under way at once, past which it is overloaded; 5,000 unless given. */
  readonly handshakesMax?: number;
  /** Open connections of this node. */
  readonly connections: () => number;
  /** Why nobody is let in right now, if so. */
  readonly closedBecause: () => HttpRefusal | undefined;
  readonly authenticate: Authenticate;
  /**
   * Whether a user has as many connections as one may have (LM6). Calls back once, and soon.
   * `isKept`: if not, a place is kept for the connection that is about to be made.
   */
  readonly admit: (user: string, isKept: boolean, done: (isFull: boolean) => void) => void;
  /** The connection for which a place was kept is not made. */
  readonly giveBack: (user: string) => void;
}

/** Checking a token takes a core some 100 µs: half a second's work, and the rest would be late anyway. */
const HANDSHAKES_MAX = 5_000;

/**
 * The checks before a connection, in the order of HS3: for an upgrade, and for a plain `GET /ws`, by which a page
 * that may not read why its upgrade was refused asks for the reason. A refusal costs less the earlier it comes.
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
   * Who may connect, or why nobody. Time has passed then: an upgrade asks {@link closed} once more, and whoever makes
   * no connection of it after all gives the place back.
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
   * Who a request elsewhere than at `/ws` speaks for, or why nobody. Only refused tokens use up their address's limit, and
   * it is looked at before a token costs anything: past it a good one has to wait too, for less than a second.
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

  /** Why nobody at all is let in right now, if so. */
  closed(): HttpRefusal | undefined {
    const { closedBecause, connections, connectionsMax } = this.#options;
    return (
      closedBecause() ?? (connectionsMax > 0 && connections() >= connectionsMax ? OVERLOADED : undefined)
    );
  }

  /** Else a few handshakes that came to nothing would keep their user out for 10 s (LM6). */
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
