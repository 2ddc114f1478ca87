import { failure, type ClientError, type Done } from './codes.ts';

/** Gives a token, or undefined when there is none right now, and what is to blame for that. It calls back once. */
export type TokenSource = (done: (token: string | undefined, cause?: unknown) => void) => void;

/** With anything else, a line break say, no request can be made; whether it is a JWT is for the server to say. */
const TOKEN = /^[!-~]+$/;

/** Undefined, or why this cannot be a token. */
export function wrongToken(token: unknown, wanted = 'a JWT'): ClientError | undefined {
  if (typeof token !== 'string' || token === '')
    return failure('no_token', `the token must be ${wanted}, not ${token === '' ? 'empty' : typeof token}`);
  return TOKEN.test(token)
    ? undefined
    : failure('no_token', 'the token has characters in it that no JWT has');
}

function notHad(cause: unknown): ClientError {
  return { ...failure('no_token', `no token could be had: ${textOf(cause)}`), cause };
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The token a client shows, and whether there may be a better one. */
export class Tokens {
  readonly #source: string | TokenSource;
  #token: string | undefined;
  /** The server has taken it. */
  #isAccepted = false;

  constructor(source: string | TokenSource) {
    this.#source = source;
  }

  get isRenewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** The one there is, or a new one. Error: `no_token`. */
  get(done: Done<string>): void {
    if (this.#token === undefined) this.ask(done);
    else done({ ok: true, value: this.#token });
  }

  /** A new one; it is not used before it is taken over with `set`, or asked for by `get`. */
  ask(done: Done<string>): void {
    const source = this.#source;
    const given = (token: string | undefined, cause?: unknown): void => {
      const error = cause === undefined ? wrongToken(token) : notHad(cause);
      if (error) return done({ ok: false, error });
      this.#token ??= token as string;
      done({ ok: true, value: token as string });
    };
    if (typeof source === 'string') given(source);
    else source(given);
  }

  set(token: string): void {
    this.#token = token;
    this.#isAccepted = true;
  }

  accepted(): void {
    this.#isAccepted = true;
  }

  /**
   * The token was refused or is over. The next one is asked for; false when that cannot help: there is only the one, or
   * this one is new and was refused at once.
   */
  renew(): boolean {
    const mayHelp = this.isRenewable && this.#isAccepted;
    this.#isAccepted = false;
    if (this.isRenewable) this.#token = undefined;
    return mayHelp;
  }
}
