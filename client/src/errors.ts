/** Why something did not work, as a code to act on and a sentence for a person. */
export interface ClientError {
  /** One of the server's (ER1), or one of the client's own: see `docs/client.md`. */
  readonly code: string;
  readonly message: string;
  /** The field of the request that is wrong. */
  readonly field?: string;
  /** Milliseconds after which it may work. */
  readonly retryAfterMs?: number;
  /** What the application's own code threw, where that is the reason. */
  readonly cause?: unknown;
}

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

/** What comes of a request: it is told exactly once. */
export type Result<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: ClientError };

export type Done<Value> = (result: Result<Value>) => void;

/** Codes after which the same request may succeed without being changed (ER1). */
const RETRYABLE = new Set(['rate_limited', 'unavailable', 'outcome_unknown', 'draining', 'overloaded']);

export function isRetryable(code: string): boolean {
  return RETRYABLE.has(code);
}

/** Codes after which the client asks again for what it needs: those, and what only stands in between. */
export function mayPass(code: string): boolean {
  return isRetryable(code) || code === 'bad_server_frame' || code === 'queue_full';
}

/** Close codes after which a client comes back (CL1). */
export function mayReconnect(code: number): boolean {
  return /^(100[156]|101[1-5]|4[0-4]..)$/.test(`${code}`);
}

/** Close codes with a meaning of their own (CL2). */
export const CLOSE = { normal: 1000, abnormal: 1006, draining: 4003, token_expired: 4005 } as const;

/** What the client closes with when it gives a connection up. */
export const GIVEN_UP = 4000;

const CLOSE_NAMES: Readonly<Record<number, string>> = {
  4501: 'unauthorized',
  4502: 'session_revoked',
  4503: 'too_many_bad_frames',
  4504: 'rate_abuse',
};

/** What a close for good is called. */
export function closeName(code: number): string {
  return CLOSE_NAMES[code] ?? 'closed';
}

export function failure(code: string, message: string, retryAfterMs?: number): ClientError {
  return retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs };
}

/** What is answered instead of a value. */
export function failed(error: ClientError): { readonly ok: false; readonly error: ClientError } {
  return { ok: false, error };
}

export function tooLarge(frameBytes: number): ClientError {
  return failure('too_large', `a frame has at most ${frameBytes} bytes`);
}

export function queueFull(max: number): ClientError {
  return failure('queue_full', `${max} wait already`);
}

export function badServerFrame(): ClientError {
  return failure('bad_server_frame', 'the server sent what breaks the protocol');
}

/** What was thrown, in words: it may be anything, and have none. */
export function textOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause);
  } catch {
    return 'something without a text';
  }
}

/** Time is over for what waited for the server; `trouble`: why there is no connection, where there is none. */
export function late(what: string, trouble: ClientError | undefined): ClientError {
  return failure('unavailable', trouble ? `${what}: ${trouble.message}` : what);
}

/** This client's own time to come back, as the reason of a 4003 says it (CL2). */
export function slotOf(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown };
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined;
  } catch {
    return undefined;
  }
}
