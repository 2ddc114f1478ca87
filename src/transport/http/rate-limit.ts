import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

/** A fixed number per window and key, counted in this process. A key's window begins with its first use. */
export class RateLimit {
  readonly #limiter: RateLimiterMemory | undefined;

  /** `points` per key in `seconds`; 0: no limit. */
  constructor(points: number, seconds: number) {
    if (points > 0) this.#limiter = new RateLimiterMemory({ points, duration: seconds });
  }

  /** Uses one point. Returns 0 or, when none is left, the milliseconds until the next window. */
  async take(key: string): Promise<number> {
    if (!this.#limiter) return 0;
    try {
      await this.#limiter.consume(key);
      return 0;
    } catch (refused) {
      return Math.max(1, (refused as RateLimiterRes).msBeforeNext);
    }
  }

  /** What {@link take} would return. It uses no point. */
  async look(key: string): Promise<number> {
    const used = await this.#limiter?.get(key);
    return used && used.remainingPoints <= 0 ? Math.max(1, used.msBeforeNext) : 0;
  }
}
