import { failed, failure, textOf, type ClientError, type Done } from '../errors.ts';
import type { BasePorts } from '../ports.ts';

/** Supplies a token, or undefined with a cause when none is available. It calls back once. */
export type TokenSource = (done: (token: string | undefined, cause?: unknown) => void) => void;

/** Other characters, such as a line break, fit no request. The server decides whether it is a JWT. */
const TOKEN = /^[!-~]+$/;

/** Why a value cannot be a token; undefined when it can. */
export function wrongToken(token: unknown, wanted = 'a JWT'): ClientError | undefined {
  if (typeof token === 'string' && TOKEN.test(token)) return undefined;
  const given = token === null || token === '' ? 'empty' : typeof token;
  return failure('no_token', `the token must be ${wanted}, not ${given}`);
}

function notHad(cause: unknown): ClientError {
  return { ...failure('no_token', `no token is available: ${textOf(cause)}`), cause };
}

/** The source of tokens. A function that supplies them is called for each connection. */
export class Tokens {
  readonly ports: BasePorts;
  readonly #source: string | TokenSource;
  /** How many unexpired tokens in a row the server has refused. */
  #refusals = 0;

  constructor(source: string | TokenSource, ports: BasePorts) {
    this.#source = source;
    this.ports = ports;
  }

  get isRenewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** A token to send. Error: `no_token`. */
  get(done: Done<string>): void {
    this.ask(done);
  }

  /** A new token. */
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

  /** Why a token must not be sent; undefined when it may. */
  wrong(token: unknown): ClientError | undefined {
    return wrongToken(token);
  }

  accepted(): void {
    this.#refusals = 0;
  }

  /** The server says that the token of this connection has expired. */
  expired(): void {}

  /** The server cannot decide for a while whether it accepts a token. */
  doubt(_token: string): void {}

  /** Ends all requests for tokens. */
  end(_error: ClientError): void {}

  /** The server's time, as HTTP's `Date` has it. */
  heardDate(_at: number | undefined): void {}

  /**
   * The server refused a token. False when another cannot help: the token is fixed, or the previous one was refused too.
   */
  renew(_refused: string): boolean {
    return this.isRenewable && ++this.#refusals === 1;
  }
}
