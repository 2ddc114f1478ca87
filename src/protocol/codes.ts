/** What an error code promises to the client that receives it (ER1). */
export interface ErrorCode {
  /** The same request may succeed later without being changed. */
  readonly retryable: boolean;
  /** The HTTP status of an answer over REST or of a refused handshake. */
  readonly status: number;
}

/** Every error code. `docs/protocol.md` has the same table with cause and cure, and a test compares them. */
export const ERROR_CODES = {
  bad_frame: { retryable: false, status: 400 },
  rate_limited: { retryable: true, status: 429 },
  limit_reached: { retryable: false, status: 409 },
  not_found: { retryable: false, status: 404 },
  forbidden: { retryable: false, status: 403 },
  not_joined: { retryable: false, status: 409 },
  already_exists: { retryable: false, status: 409 },
  gone: { retryable: false, status: 410 },
  unauthorized: { retryable: false, status: 401 },
  unavailable: { retryable: true, status: 503 },
  outcome_unknown: { retryable: true, status: 504 },
  internal: { retryable: false, status: 500 },
  bad_request: { retryable: false, status: 400 },
  too_large: { retryable: false, status: 413 },
  origin_not_allowed: { retryable: false, status: 403 },
  upgrade_required: { retryable: false, status: 426 },
  too_many_connections: { retryable: false, status: 429 },
  draining: { retryable: true, status: 503 },
  overloaded: { retryable: true, status: 503 },
} as const satisfies Record<string, ErrorCode>;

export type ErrorCodeName = keyof typeof ERROR_CODES;

/** The codes that a frame on a socket may bear (ER1). The other codes appear only in HTTP answers. */
export const SOCKET_ERROR_CODES = [
  'bad_frame',
  'rate_limited',
  'limit_reached',
  'not_found',
  'forbidden',
  'not_joined',
  'already_exists',
  'gone',
  'unauthorized',
  'unavailable',
  'outcome_unknown',
  'internal',
] as const satisfies readonly ErrorCodeName[];

export type SocketErrorCode = (typeof SOCKET_ERROR_CODES)[number];

/** The codes that a hook may refuse a join or a message with (ER2). Each of them says that nothing was stored. */
export const HOOK_ERROR_CODES = [
  'forbidden',
  'not_found',
  'gone',
  'limit_reached',
  'rate_limited',
  'unavailable',
] as const satisfies readonly SocketErrorCode[];

export type HookErrorCode = (typeof HOOK_ERROR_CODES)[number];

/** The close codes that the server sends (CL2, FR1). A client does not reconnect after a code from 4500 on. */
export const CLOSE_CODES = {
  normal: 1000,
  binary_refused: 1003,
  invalid_utf8: 1007,
  frame_too_large: 1009,
  internal_error: 1011,
  heartbeat_timeout: 4001,
  slow_consumer: 4002,
  draining: 4003,
  overloaded: 4004,
  token_expired: 4005,
  unauthorized: 4501,
  session_revoked: 4502,
  too_many_bad_frames: 4503,
  rate_abuse: 4504,
} as const;

/** Whether a client reconnects with backoff after a close, or stays away (CL1). */
export function shouldReconnect(code: number): boolean {
  return (
    code === 1001 ||
    code === 1005 ||
    code === 1006 ||
    (code >= 1011 && code <= 1015) ||
    (code >= 4000 && code <= 4499)
  );
}
