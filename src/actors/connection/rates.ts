import type { Request } from '../../protocol/requests.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { bucketOf } from '../../limits/token-bucket.ts';
import type { TokenBucket } from '../../limits/token-bucket.ts';
import { Strikes } from '../../limits/strikes.ts';

const MINUTE_MS = 60_000;

/** How fast a connection may ask (LM2); 0: no limit. */
export interface RateLimits {
  /** Messages of the user in a minute, counted by the user's home; here only while that does not answer. */
  readonly messagesPerMinute: number;
  /** Signals a second; more are dropped. */
  readonly signalsPerSecond: number;
  /** All other requests in a minute, but messages: those are the user's. */
  readonly requestsPerMinute: number;
  /** Requests in a minute in spite of a limit that was told, for which it is closed with 4504. */
  readonly rateAbusePerMinute: number;
}

/** What is limited apart from the rest: messages are the user's (LM2), a pong is a sign of life, a signal is dropped. */
type Kind = 'messages' | 'requests';

/**
 * How fast one connection may ask (LM2). Messages are counted by the user's home, over all of the user's connections;
 * here is remembered until when it has said no. Who asks on before that has passed is counted, and put out (4504).
 */
export class Rates {
  readonly #limits: RateLimits;
  // Made when they are first needed: most connections only listen.
  #signals: TokenBucket | undefined;
  #requests: TokenBucket | undefined;
  #messagesAlone: TokenBucket | undefined;
  #strikes: Strikes | undefined;
  #messagesBlockedUntil = -Infinity;
  #requestsBlockedUntil = -Infinity;

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** Whether a signal is passed on; beyond the rate it is dropped without a word. */
  signal(now: number, out: Outbox): boolean {
    this.#signals ??= bucketOf(this.#limits.signalsPerSecond, 1_000);
    const isFree = !this.#signals || this.#signals.take(now) === 0;
    if (!isFree) out.count('limited_signals');
    return isFree;
  }

  /** Undefined, or why a request is refused; `abuse` when it is one too many. */
  request(request: Request, turn: Turn, out: Outbox): Refusal | 'abuse' | undefined {
    switch (request.type) {
      case 'signal':
        return undefined;
      case 'chat':
        return this.#refusedEarlier('messages', turn, out);
      default:
        // The answer to a ping wants no answer itself.
        if (request.type === 'heartbeat' && request.status === 'pong' && !request.id) return undefined;
        return this.#refusedEarlier('requests', turn, out) ?? this.#take(turn, out);
    }
  }

  #refusedEarlier(kind: Kind, turn: Turn, out: Outbox): Refusal | 'abuse' | undefined {
    const until = kind === 'messages' ? this.#messagesBlockedUntil : this.#requestsBlockedUntil;
    const restMs = until - turn.now;
    if (restMs <= 0) return undefined;
    out.count(`limited_${kind}`);
    return this.#isAbuse(turn.now) ? 'abuse' : rateLimited(Math.ceil(restMs));
  }

  /** 0: nobody is put out. */
  #isAbuse(now: number): boolean {
    const { rateAbusePerMinute } = this.#limits;
    if (rateAbusePerMinute === 0) return false;
    // The one that makes the number full is too much.
    this.#strikes ??= new Strikes(rateAbusePerMinute - 1);
    return this.#strikes.add(now);
  }

  #take(turn: Turn, out: Outbox): Refusal | undefined {
    this.#requests ??= bucketOf(this.#limits.requestsPerMinute, MINUTE_MS);
    const restMs = this.#requests?.take(turn.now) ?? 0;
    return restMs > 0 ? this.#block('requests', restMs, turn, out) : undefined;
  }

  /** One message, while the user's home does not answer: 0, or in how many milliseconds there will be one. */
  messageAlone(now: number): number {
    this.#messagesAlone ??= bucketOf(this.#limits.messagesPerMinute, MINUTE_MS);
    return this.#messagesAlone?.take(now) ?? 0;
  }

  /** The user's home has no message left to give for so long. */
  messagesSpent(retryAfterMs: number, turn: Turn, out: Outbox): Refusal {
    return this.#block('messages', retryAfterMs, turn, out);
  }

  #block(kind: Kind, retryAfterMs: number, turn: Turn, out: Outbox): Refusal {
    out.count(`limited_${kind}`);
    const until = turn.now + retryAfterMs;
    if (kind === 'messages') this.#messagesBlockedUntil = until;
    else this.#requestsBlockedUntil = until;
    return rateLimited(retryAfterMs);
  }
}

function rateLimited(retryAfterMs: number): Refusal {
  return { error: 'rate_limited', message: 'too many at once: slow down', retryAfterMs };
}
