import type { Request } from '../../protocol/requests.ts';
import { frameWeight } from '../../protocol/size.ts';
import type { Turn } from '../../runtime/ports/actor.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { bucketOf } from '../../limits/token-bucket.ts';
import type { TokenBucket } from '../../limits/token-bucket.ts';
import { ViolationCounter } from '../../limits/violation-counter.ts';

const MINUTE_MS = 60_000;
const PONGS_BURST_MS = 10_000;

/** A pong weighs one for each quarter of a kilobyte begun: it has nothing to say. */
const PONG_UNIT = 256;

/**
 * The node drops signals without an answer, so it bears this many times more of them than of requests that it refuses.
 */
const SILENT_FACTOR = 20;
const SIGNAL_UNIT = 512;

/** How fast a connection may ask (LM2); 0: no limit. */
export interface RateLimits {
  /** Messages of the user in a minute, counted by the user's home; here only while that does not answer. */
  readonly messagesPerMinute: number;
  /** Signals a second; more are dropped. */
  readonly signalsPerSecond: number;
  /** All other requests in a minute, but messages: those are the user's. */
  readonly requestsPerMinute: number;
  /** Pongs in frames, without an id, a second; ten times as many at once (LM11). */
  readonly controlFramesPerSecond: number;
  /**
   * Requests in a minute after a refusal with `retryAfterMs`, before that has passed. At this many the node closes with
   * 4504.
   */
  readonly rateAbusePerMinute: number;
}

/**
 * The requests with limits of their own: messages are counted for the user (LM2), a pong is a sign of life, a signal is
 * dropped.
 */
type Kind = 'messages' | 'requests' | 'reads';

/**
 * How fast one connection may ask (LM2). The user's home counts messages, over all of the user's connections; this
 * remembers until when it has refused. Requests before that time are counted, and too many close the connection (4504).
 */
export class Rates {
  readonly #limits: RateLimits;
  // Made when they are first needed: most connections only listen.
  #signals: TokenBucket | undefined;
  #requests: TokenBucket | undefined;
  #messagesAlone: TokenBucket | undefined;
  #pongs: TokenBucket | undefined;
  #dropped: TokenBucket | undefined;
  #violations: ViolationCounter | undefined;
  #messagesBlockedUntil = -Infinity;
  #requestsBlockedUntil = -Infinity;
  #readsBlockedUntil = -Infinity;

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /**
   * Undefined, or why a request is refused; `dropped`: without a word; `abuse` when it is one too many. `text` is its
   * frame.
   */
  request(
    request: Request,
    text: string,
    turn: Turn,
    out: Effects,
  ): Refusal | 'dropped' | 'abuse' | undefined {
    switch (request.type) {
      case 'signal':
        return this.#signal(text, turn, out);
      case 'chat':
        return this.#refusedEarlier('messages', text, turn, out);
      case 'history':
        return (
          this.#refusedEarlier('reads', text, turn, out) ??
          this.#refusedEarlier('requests', text, turn, out) ??
          this.#take(text, turn, out)
        );
      default:
        // The answer to a ping gets no answer itself.
        if (request.type === 'heartbeat' && request.status === 'pong' && !request.id)
          return this.#pong(text, turn, out);
        return this.#refusedEarlier('requests', text, turn, out) ?? this.#take(text, turn, out);
    }
  }

  #signal(text: string, turn: Turn, out: Effects): 'dropped' | 'abuse' | undefined {
    this.#signals ??= bucketOf(this.#limits.signalsPerSecond, 1_000);
    if (!this.#signals || this.#signals.take(turn.now) === 0) return undefined;
    out.count('limited_signals');
    this.#dropped ??= bucketOf(this.#limits.rateAbusePerMinute * SILENT_FACTOR, MINUTE_MS);
    const restMs = this.#dropped?.take(turn.now, Math.ceil(text.length / SIGNAL_UNIT)) ?? 0;
    return restMs > 0 ? 'abuse' : 'dropped';
  }

  /** Beyond the rate there is no answer either: the frame asked nothing. */
  #pong(text: string, turn: Turn, out: Effects): 'abuse' | undefined {
    const { controlFramesPerSecond } = this.#limits;
    this.#pongs ??= bucketOf((controlFramesPerSecond * PONGS_BURST_MS) / 1_000, PONGS_BURST_MS);
    const restMs = this.#pongs?.take(turn.now, Math.ceil(text.length / PONG_UNIT)) ?? 0;
    if (restMs === 0) return undefined;
    out.count('limited_pongs');
    return this.#isAbuse(frameWeight(text), turn.now) ? 'abuse' : undefined;
  }

  #refusedEarlier(kind: Kind, text: string, turn: Turn, out: Effects): Refusal | 'abuse' | undefined {
    const restMs = this.#blockedUntil(kind) - turn.now;
    if (restMs <= 0) return undefined;
    out.count(`limited_${kind}`);
    return this.#isAbuse(frameWeight(text), turn.now) ? 'abuse' : rateLimited(Math.ceil(restMs));
  }

  #blockedUntil(kind: Kind): number {
    if (kind === 'reads') return this.#readsBlockedUntil;
    return kind === 'messages' ? this.#messagesBlockedUntil : this.#requestsBlockedUntil;
  }

  /** 0: no connection is closed for it. */
  #isAbuse(weight: number, now: number): boolean {
    const { rateAbusePerMinute } = this.#limits;
    if (rateAbusePerMinute === 0) return false;
    // The one that makes the number full is too much.
    this.#violations ??= new ViolationCounter(rateAbusePerMinute - 1);
    return this.#violations.add(now, weight);
  }

  #take(text: string, turn: Turn, out: Effects): Refusal | undefined {
    this.#requests ??= bucketOf(this.#limits.requestsPerMinute, MINUTE_MS);
    const restMs = this.#requests?.take(turn.now, frameWeight(text)) ?? 0;
    return restMs > 0 ? this.#block('requests', restMs, turn, out) : undefined;
  }

  /** One message, while the user's home does not answer: 0, or in how many milliseconds there will be one. */
  messageAlone(now: number): number {
    this.#messagesAlone ??= bucketOf(this.#limits.messagesPerMinute, MINUTE_MS);
    return this.#messagesAlone?.take(now) ?? 0;
  }

  /** The user's home has no message left to give for so long. */
  messagesSpent(retryAfterMs: number, turn: Turn, out: Effects): Refusal {
    return this.#block('messages', retryAfterMs, turn, out);
  }

  /** The user has read so much that nothing is read for them for so long (LM14). The log has counted it. */
  readsSpent(retryAfterMs: number, now: number): Refusal {
    this.#readsBlockedUntil = now + retryAfterMs;
    return rateLimited(retryAfterMs);
  }

  #block(kind: Exclude<Kind, 'reads'>, retryAfterMs: number, turn: Turn, out: Effects): Refusal {
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
