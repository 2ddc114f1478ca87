import { ERROR_CODES, type ErrorCodeName } from '../../protocol/codes.ts';

/** Why a request is not carried out, as its answer says it (HS3). */
export interface HttpRefusal {
  readonly code: ErrorCodeName;
  /** What to do, for a person. */
  readonly message: string;
  /** When it may be tried again, if that is known. */
  readonly retryAfterMs?: number | undefined;
}

export const DRAINING: HttpRefusal = {
  code: 'draining',
  message: 'this node is going away',
  retryAfterMs: 1_000,
};

/** A refusal on its way to the one place that answers it. */
export class Refused extends Error {
  readonly refusal: HttpRefusal;

  constructor(refusal: HttpRefusal) {
    super(refusal.message);
    this.name = 'Refused';
    this.refusal = refusal;
  }
}

/** The answer to a refused request: its status is that of the code (ER1). */
export interface RefusalAnswer {
  readonly status: (typeof ERROR_CODES)[ErrorCodeName]['status'];
  readonly headers: Readonly<Record<string, string>>;
  /** `{"code","message","retryAfterMs"?}`. */
  readonly body: string;
}

/** A refusal as an HTTP answer, over a socket that wanted an upgrade and over one that did not alike. */
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

/** What an error of ours says it is, or undefined for one that nobody has foreseen. */
export function refusalOf(error: unknown): HttpRefusal | undefined {
  if (error instanceof Refused) return error.refusal;
  if (!(error instanceof Error)) return undefined;
  const { code, retryAfterMs } = error as Error & { code?: unknown; retryAfterMs?: number };
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code)) return undefined;
  return { code: code as ErrorCodeName, message: error.message, retryAfterMs };
}
