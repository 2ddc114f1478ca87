import type { Request } from '../../protocol/requests.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { bucketOf } from '../token-bucket.ts';
import type { TokenBucket } from '../token-bucket.ts';
import { Strikes } from './strikes.ts';

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
  readonly #signals: TokenBucket | undefined;
  readonly #messagesAlone: TokenBucket | undefined;
  readonly #requests: TokenBucket | undefined;
  readonly #strikes: Strikes | undefined;
  readonly #blockedUntil = { messages: -Infinity, requests: -Infinity };

  constructor(limits: RateLimits) {
    this.#signals = bucketOf(limits.signalsPerSecond, 1_000);
    this.#requests = bucketOf(limits.requestsPerMinute, MINUTE_MS);
    this.#messagesAlone = bucketOf(limits.messagesPerMinute, MINUTE_MS);
    // The one that makes the number full is too much.
    if (limits.rateAbusePerMinute > 0) this.#strikes = new Strikes(limits.rateAbusePerMinute - 1);
  }

  /** Whether a signal is passed on; beyond the rate it is dropped without a word. */
  signal(now: number, out: Outbox): boolean {
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
    const restMs = this.#blockedUntil[kind] - turn.now;
    if (restMs <= 0) return undefined;
    out.count(`limited_${kind}`);
    return this.#strikes?.add(turn.now) ? 'abuse' : rateLimited(Math.ceil(restMs));
  }

  #take(turn: Turn, out: Outbox): Refusal | undefined {
    const restMs = this.#requests?.take(turn.now) ?? 0;
    return restMs > 0 ? this.#block('requests', restMs, turn, out) : undefined;
  }

  /** One message, while the user's home does not answer: 0, or in how many milliseconds there will be one. */
  messageAlone(now: number): number {
    return this.#messagesAlone?.take(now) ?? 0;
  }

  /** The user's home has no message left to give for so long. */
  messagesSpent(retryAfterMs: number, turn: Turn, out: Outbox): Refusal {
    return this.#block('messages', retryAfterMs, turn, out);
  }

  #block(kind: Kind, retryAfterMs: number, turn: Turn, out: Outbox): Refusal {
    out.count(`limited_${kind}`);
    this.#blockedUntil[kind] = turn.now + retryAfterMs;
    return rateLimited(retryAfterMs);
  }
}

function rateLimited(retryAfterMs: number): Refusal {
  return { error: 'rate_limited', message: 'too many at once: slow down', retryAfterMs };
}
