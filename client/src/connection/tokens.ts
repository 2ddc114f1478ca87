import { failed, failure, textOf, type ClientError, type Done } from '../errors.ts';
import type { BasePorts } from '../ports.ts';

/** Gives a token, or undefined when there is none right now, and what is to blame for that. It calls back once. */
export type TokenSource = (done: (token: string | undefined, cause?: unknown) => void) => void;

/** With anything else, a line break say, no request can be made; whether it is a JWT is for the server to say. */
const TOKEN = /^[!-~]+$/;

/** Undefined, or why this cannot be a token. */
export function wrongToken(token: unknown, wanted = 'a JWT'): ClientError | undefined {
  if (typeof token === 'string' && TOKEN.test(token)) return undefined;
  const given = token === null || token === '' ? 'empty' : typeof token;
  return failure('no_token', `the token must be ${wanted}, not ${given}`);
}

function notHad(cause: unknown): ClientError {
  return { ...failure('no_token', `no token could be had: ${textOf(cause)}`), cause };
}

/** Where tokens come from. A function that gives them is asked for each connection. */
export class Tokens {
  readonly ports: BasePorts;
  readonly #source: string | TokenSource;
  /** How many in a row that were not over the server has not taken. */
  #refusals = 0;

  constructor(source: string | TokenSource, ports: BasePorts) {
    this.#source = source;
    this.ports = ports;
  }

  get isRenewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** One that may be shown. Error: `no_token`. */
  get(done: Done<string>): void {
    this.ask(done);
  }

  /** A new one. */
  ask(done: Done<string>): void {
    const given = (token: string | undefined, cause?: unknown): void => {
      const error = cause === undefined ? this.wrong(token) : notHad(cause);
      done(error ? failed(error) : { ok: true, value: token as string });
    };
    if (typeof this.#source === 'string') return given(this.#source);
    try {
      this.#source(given);
    } catch (cause) {
      given(undefined, cause);
    }
  }

  /** Undefined, or why a token is not shown. */
  wrong(token: unknown): ClientError | undefined {
    return wrongToken(token);
  }

  accepted(): void {
    this.#refusals = 0;
  }

  /** The server says that the token of this connection is over. */
  expired(): void {}

  /** The server cannot tell for a while whether it takes a token. */
  doubt(_token: string): void {}

  /** Nothing is asked any more. */
  end(_error: ClientError): void {}

  /** The server has said what time it is, as HTTP's `Date` does. */
  heardDate(_at: number | undefined): void {}

  /** A token was refused. False when the next one cannot help: there is only the one, or the one before was refused too. */
  renew(_refused: string): boolean {
    return this.isRenewable && ++this.#refusals === 1;
  }
}
