import { ERROR_CODES, type ErrorCodeName } from '../../protocol/codes.ts';

/** Why the server does not carry out a request (HS3). */
export interface HttpRefusal {
  readonly code: ErrorCodeName;
  /** What to do, for a person to read. */
  readonly message: string;
  /** When the client may retry, if known. */
  readonly retryAfterMs?: number | undefined;
}

export const DRAINING: HttpRefusal = {
  code: 'draining',
  message: 'this node is going away',
  retryAfterMs: 1_000,
};

/** A refusal on its way to the function that answers it. */
export class Refused extends Error {
  readonly refusal: HttpRefusal;

  constructor(refusal: HttpRefusal) {
    super(refusal.message);
    this.name = 'Refused';
    this.refusal = refusal;
  }
}

/** The answer to a refused request. Its status belongs to the code (ER1). */
export interface RefusalAnswer {
  readonly status: (typeof ERROR_CODES)[ErrorCodeName]['status'];
  readonly headers: Readonly<Record<string, string>>;
  /** `{"code","message","retryAfterMs"?}`. */
  readonly body: string;
}

/** A refusal as an HTTP answer, for upgrades and plain requests. */
export function refusalAnswer({ code, message, retryAfterMs }: HttpRefusal): RefusalAnswer {
  const { status } = ERROR_CODES[code];
  const waitMs = retryAfterMs === undefined ? undefined : Math.ceil(retryAfterMs);
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(waitMs === undefined ? {} : { 'retry-after': String(Math.ceil(waitMs / 1_000)) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(status === 426 ? { upgrade: 'websocket', connection: 'Upgrade' } : {}),
    },
    body: JSON.stringify({ code, message, retryAfterMs: waitMs }),
  };
}

/** The refusal that a known error stands for; undefined for an unexpected error. */
export function refusalOf(error: unknown): HttpRefusal | undefined {
  if (error instanceof Refused) return error.refusal;
  if (!(error instanceof Error)) return undefined;
  const { code, retryAfterMs } = error as Error & { code?: unknown; retryAfterMs?: number };
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return undefined;
  return { code: code as ErrorCodeName, message: error.message, retryAfterMs };
}
