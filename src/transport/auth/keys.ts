import { errors, type JWTVerifyGetKey } from 'jose';

/** Where a set of keys comes from. A set that was loaded stays until another one takes its place. */
export interface KeySource {
  /** Whether there is a set before the first `load`. */
  readonly isLoaded: boolean;
  /** Rejects when there is no set to be had, or what is there is none; must end by itself. */
  load(): Promise<void>;
  /** Looks among the keys that were loaded. */
  readonly find: JWTVerifyGetKey;
}

/** Milliseconds, each 0 or more. */
export interface KeyLimits {
  /** A set that is older is loaded again before it is used. */
  readonly cacheMaxAgeMs: number;
  /** A key that is not in the set makes it load again, unless it is younger than this: made-up key ids cost no more. */
  readonly cooldownMs: number;
  /** After a load that failed, the next one waits this long. */
  readonly retryMs: number;
  /** How old a set may get while no newer one can be had. */
  readonly staleMaxMs: number;
}

/** There are no keys to check with right now: the token is neither good nor bad. */
export class KeysUnavailable extends Error {}

interface KeySetOptions {
  readonly source: KeySource;
  readonly limits: KeyLimits;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Once for each load that failed. */
  readonly onFailed: (error: Error) => void;
}

/**
 * A set of public keys that is kept, and loaded again when it is old or lacks a key.
 * There is one load at a time. While loads fail, the keys from before go on working: a key server that is down
 * must not lock out everyone.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  #loadedAt: number;
  #failedAt: number | undefined;
  #loading: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
    this.#loadedAt = options.source.isLoaded ? options.now() : Number.NEGATIVE_INFINITY;
  }

  /** The key of a token; throws {@link KeysUnavailable}, or jose's error when the set has no such key, or several. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { cacheMaxAgeMs, cooldownMs, staleMaxMs } = this.#options.limits;
    if (this.#age() >= cacheMaxAgeMs) {
      const renewal = this.#renew();
      // A key server that hangs is waited for once, not by every token whose key we have.
      if (this.#failedAt === undefined || this.#age() >= staleMaxMs) await renewal;
    }
    if (this.#failedAt !== undefined && this.#age() >= staleMaxMs) throw new KeysUnavailable();
    try {
      return await this.#look(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#age() < cooldownMs) throw error;
    }
    await this.#renew();
    // The key may be one of those that could not be fetched.
    if (this.#failedAt !== undefined) throw new KeysUnavailable();
    return this.#look(header, token);
  };

  async #look(...of: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    try {
      return await this.#options.source.find(...of);
    } catch (error) {
      const isAnswer =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      // A key that is there and cannot be read says nothing about the token.
      throw isAnswer ? error : new KeysUnavailable();
    }
  }

  #age(): number {
    return this.#options.now() - this.#loadedAt;
  }

  async #renew(): Promise<void> {
    const { now, limits } = this.#options;
    if (this.#failedAt !== undefined && now() - this.#failedAt < limits.retryMs) return;
    this.#loading ??= this.#load();
    await this.#loading;
  }

  async #load(): Promise<void> {
    const { source, now, onFailed } = this.#options;
    const begunAt = now();
    try {
      await source.load();
      // What was published since then may not be in it.
      this.#loadedAt = begunAt;
      this.#failedAt = undefined;
    } catch (error) {
      this.#failedAt = now();
      onFailed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#loading = undefined;
    }
  }
}
