import { errors, type JWTVerifyGetKey } from 'jose';

/** Where a set of keys comes from. A loaded set stays until another one replaces it. */
export interface KeySource {
  /** Whether there is a set before the first `load`. */
  readonly isLoaded: boolean;
  /** Rejects when the set is missing or invalid. It must end by itself. */
  load(): Promise<void>;
  /** Looks among the loaded keys. */
  readonly find: JWTVerifyGetKey;
}

/** Milliseconds, each 0 or more. */
export interface KeyLimits {
  /** The key set reloads an older set before using it. */
  readonly cacheMaxAgeMs: number;
  /**
   * An unknown key id causes a reload, unless the set is younger than this. Invented key ids therefore cost nothing more.
   */
  readonly cooldownMs: number;
  /** How long to wait after a failed load. */
  readonly retryMs: number;
  /** How old a set may become while no newer one is available. */
  readonly staleMaxMs: number;
}

/** No keys are available right now: the token is neither good nor bad. */
export class KeysUnavailable extends Error {}

interface KeySetOptions {
  readonly source: KeySource;
  readonly limits: KeyLimits;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Called once for each failed load. */
  readonly onFailed: (error: Error) => void;
}

/**
 * A cached set of public keys. It reloads when it is old or lacks a key, with one load at a time. While loads fail, the
 * earlier keys remain in use: a key server that is down must not lock every client out.
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

  /** The key of a token. Throws {@link KeysUnavailable}, or jose's error when the set has no such key or several. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { cacheMaxAgeMs, cooldownMs, staleMaxMs } = this.#options.limits;
    if (this.#age() >= cacheMaxAgeMs) {
      const renewal = this.#renew();
      // Once a load has failed, tokens with a cached key no longer wait for a hanging key server.
      if (this.#failedAt === undefined || this.#age() >= staleMaxMs) await renewal;
    }
    if (this.#failedAt !== undefined && this.#age() >= staleMaxMs) throw new KeysUnavailable();
    try {
      return await this.#look(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || this.#age() < cooldownMs) throw error;
    }
    await this.#renew();
    // The key may be among those that the failed load did not fetch.
    if (this.#failedAt !== undefined) throw new KeysUnavailable();
    return this.#look(header, token);
  };

  async #look(...of: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    try {
      return await this.#options.source.find(...of);
    } catch (error) {
      const isAnswer =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      // A key that exists but is unreadable says nothing about the token.
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
      // The set may lack what the issuer published since then.
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
