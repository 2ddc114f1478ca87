import type { ClientError } from './codes.ts';

/** What a promise of the client is rejected with. Act on `code`; `message` is for a person. */
export class VagusError extends Error {
  /** One of `docs/client.md`. */
  readonly code: string;
  /** The field of the request that is wrong. */
  declare readonly field?: string;
  /** Milliseconds after which it may work. */
  declare readonly retryAfterMs?: number;

  constructor({ code, message, field, retryAfterMs, cause }: ClientError) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'VagusError';
    this.code = code;
    if (field !== undefined) this.field = field;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}
