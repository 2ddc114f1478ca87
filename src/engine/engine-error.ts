import type { RequestId } from '../protocol/ids.ts';

/** Why a command was not carried out. `code` is one of the protocol's error codes. */
export class EngineError extends Error {
  readonly code: string;
  /** When the caller may retry, if known. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'EngineError';
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export const RETRY_AFTER_MS = 1_000;

/** Throws for a caller's mistake before anything is stored, because every client sees what is stored. */
export function check(schema: typeof RequestId, value: string, name: string): void {
  const { error } = schema.safeParse(value);
  if (error) throw new EngineError('bad_request', `${name}: ${error.issues[0]?.message}`);
}
