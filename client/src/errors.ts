/** Why something failed: a code for programs, a sentence for people. */
export interface ClientError {
  /** A code of the server (ER1) or of the client: see `docs/client.md`. */
  readonly code: string;
  readonly message: string;
  /** The invalid field of the request. */
  readonly field?: string;
  /** Milliseconds after which a retry may succeed. */
  readonly retryAfterMs?: number;
  /** The exception of the application's own code, if that is the reason. */
  readonly cause?: unknown;
}

/** The error of the client's promises. Programs use `code`; `message` is for people. */
export class VagusError extends Error {
  /** A code of `docs/client.md`. */
  readonly code: string;
  /** The invalid field of the request. */
  declare readonly field?: string;
  /** Milliseconds after which a retry may succeed. */
  declare readonly retryAfterMs?: number;

  constructor({ code, message, field, retryAfterMs, cause }: ClientError) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'VagusError';
    this.code = code;
    if (field !== undefined) this.field = field;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** The result of a request. It is reported exactly once. */
export type Result<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: ClientError };

export type Done<Value> = (result: Result<Value>) => void;

/** Codes after which the same request may succeed without being changed (ER1). */
const RETRYABLE = new Set(['rate_limited', 'unavailable', 'outcome_unknown', 'draining', 'overloaded']);

export function isRetryable(code: string): boolean {
  return RETRYABLE.has(code);
}

/** Codes after which the client retries: those, and failures of the client or the connection. */
export function mayPass(code: string): boolean {
  return isRetryable(code) || code === 'bad_server_frame' || code === 'queue_full';
}

/** Close codes after which a client reconnects (CL1). */
export function mayReconnect(code: number): boolean {
  return /^(100[156]|101[1-5]|4[0-4]..)$/.test(`${code}`);
}

/** Close codes with a meaning of their own (CL2). */
export const CLOSE = { normal: 1000, abnormal: 1006, draining: 4003, token_expired: 4005 } as const;

/** The close code of a client that gives up on a connection. */
export const GIVEN_UP = 4000;

const CLOSE_NAMES: Readonly<Record<number, string>> = {
  4501: 'unauthorized',
  4502: 'session_revoked',
  4503: 'too_many_bad_frames',
  4504: 'rate_abuse',
};

/** The name of a final close. */
export function closeName(code: number): string {
  return CLOSE_NAMES[code] ?? 'closed';
}

export function failure(code: string, message: string, retryAfterMs?: number): ClientError {
  return retryAfterMs === undefined ? { code, message } : { code, message, retryAfterMs };
}

/** An error as a result. */
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

/** A thrown value as text. It may be anything, even without a text. */
export function textOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause);
  } catch {
    return 'something without a text';
  }
}

/** The error of a timeout while waiting for the server. `trouble`: why there is no connection, if there is none. */
export function late(what: string, trouble: ClientError | undefined): ClientError {
  return failure('unavailable', trouble ? `${what}: ${trouble.message}` : what);
}

/** The client's own delay before it reconnects, from the reason of a 4003 (CL2). */
export function slotOf(reason: string): number | undefined {
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: unknown };
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined;
  } catch {
    return undefined;
  }
}
