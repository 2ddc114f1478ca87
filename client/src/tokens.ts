import { failure, textOf, type ClientError, type Done } from './codes.ts';
import type { Ports } from './ports.ts';

/** Gives a token, or undefined when there is none right now, and what is to blame for that. It calls back once. */
export type TokenSource = (done: (token: string | undefined, cause?: unknown) => void) => void;

/** With anything else, a line break say, no request can be made; whether it is a JWT is for the server to say. */
const TOKEN = /^[!-~]+$/;

/** What gives tokens is waited for so long. */
const SOURCE_MS = 10_000;

/** Undefined, or why this cannot be a token. */
export function wrongToken(token: unknown, wanted = 'a JWT'): ClientError | undefined {
  const given = token === '' ? 'empty' : token === null ? 'null' : typeof token;
  if (typeof token !== 'string' || token === '')
    return failure('no_token', `the token must be ${wanted}, not ${given}`);
  return TOKEN.test(token)
    ? undefined
    : failure('no_token', 'the token has characters in it that no JWT has');
}

function notHad(cause: unknown): ClientError {
  return { ...failure('no_token', `no token could be had: ${textOf(cause)}`), cause };
}

/** The token a client shows, and whether there may be a better one. */
export class Tokens {
  readonly #source: string | TokenSource;
  readonly #ports: Ports;
  readonly #asked = new Set<Done<string>>();
  #token: string | undefined;
  /** How many in a row the server has not taken. */
  #refusals = 0;

  constructor(source: string | TokenSource, ports: Ports) {
    this.#source = source;
    this.#ports = ports;
  }

  get isRenewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** The one there is, or a new one. Error: `no_token`. */
  get(done: Done<string>): void {
    if (this.#token === undefined) this.ask(done);
    else done({ ok: true, value: this.#token });
  }

  /** A new one; it is not used before it is taken over with `set`, or asked for by `get`. Answered in 10 s. */
  ask(done: Done<string>): void {
    const over: Done<string> = (result) => {
      if (!this.#asked.delete(over)) return;
      cancel();
      done(result);
    };
    this.#asked.add(over);
    const given = (token: string | undefined, cause?: unknown): void => {
      if (!this.#asked.has(over)) return;
      const error = cause === undefined ? wrongToken(token) : notHad(cause);
      if (error) return over({ ok: false, error });
      this.#token ??= token as string;
      over({ ok: true, value: token as string });
    };
    const cancel = this.#ports.after(SOURCE_MS, () =>
      over({ ok: false, error: failure('no_token', `no token was given in ${SOURCE_MS} ms`) }),
    );
    if (typeof this.#source === 'string') return given(this.#source);
    try {
      this.#source(given);
    } catch (cause) {
      given(undefined, cause);
    }
  }

  /** Whoever waits for one is told. */
  end(error: ClientError): void {
    for (const over of [...this.#asked]) over({ ok: false, error });
  }

  set(token: string): void {
    this.#token = token;
    this.#refusals = 0;
  }

  accepted(): void {
    this.#refusals = 0;
  }

  /**
   * A token was refused or is over. The next one is asked for, if that is not done already; false when it cannot help:
   * there is only the one, or the one before was refused too.
   */
  renew(refused: string): boolean {
    if (!this.isRenewable) return false;
    if (refused !== this.#token) return true;
    this.#token = undefined;
    return ++this.#refusals === 1;
  }
}
