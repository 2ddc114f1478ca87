import { failed, failure, textOf, type ClientError, type Done } from '../errors.ts';
import type { Ports } from '../ports.ts';

/** Gives a token, or undefined when there is none right now, and what is to blame for that. It calls back once. */
export type TokenSource = (done: (token: string | undefined, cause?: unknown) => void) => void;

/** Tells which tokens are over, by what the server has said of the time. */
export interface TokenTimes {
  /** For how long a token has been over, in milliseconds; negative where it is not, as far as the server has said. */
  lateMs(token: string): number;
  /** Perhaps: the device may have slept, or its clock may be wrong. */
  seemsOver(token: string): boolean;
  /** The server has said what time it is, as HTTP's `Date` does. */
  heardDate(at: number | undefined): void;
}

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

/** The token a client shows, and whether there may be a better one. One that is known to be over is never shown. */
export class Tokens {
  readonly #source: string | TokenSource;
  readonly #ports: Ports;
  /** Tells which tokens are over, where a client is composed with one. */
  readonly clock: TokenTimes | undefined;
  readonly #asked = new Set<Done<string>>();
  #token: string | undefined;
  /** The server has said of it that it is over. */
  #over: string | undefined;
  /** The server cannot tell whether the one there is was revoked: of a newer one it can (JW5). */
  #isDoubtful = false;
  /** How many in a row that were not over the server has not taken. */
  #refusals = 0;

  constructor(source: string | TokenSource, ports: Ports, clock?: TokenTimes) {
    this.#source = source;
    this.#ports = ports;
    this.clock = clock;
  }

  get isRenewable(): boolean {
    return typeof this.#source !== 'string';
  }

  /** The one there is, or a new one where that may be better. Error: `no_token`. */
  get(done: Done<string>): void {
    const kept = this.#token;
    if (kept === undefined) return this.#renewed(undefined, done);
    const wrong = this.wrong(kept);
    const isOld = this.isRenewable && (wrong || this.#isDoubtful || this.clock?.seemsOver(kept));
    if (isOld) this.#renewed(wrong ? undefined : kept, done);
    else done(wrong ? failed(wrong) : { ok: true, value: kept });
  }

  /** `kept`: what is shown where no newer one is to be had. */
  #renewed(kept: string | undefined, done: Done<string>): void {
    this.ask((given) => {
      if (given.ok) {
        this.#token = given.value;
        this.#isDoubtful = false;
      }
      done(given.ok || kept === undefined ? given : { ok: true, value: kept });
    });
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
      const error = cause === undefined ? this.wrong(token) : notHad(cause);
      over(error ? failed(error) : { ok: true, value: token as string });
    };
    const cancel = this.#ports.after(SOURCE_MS, () =>
      over(failed(failure('no_token', `no token was given in ${SOURCE_MS} ms`))),
    );
    if (typeof this.#source === 'string') return given(this.#source);
    try {
      this.#source(given);
    } catch (cause) {
      given(undefined, cause);
    }
  }

  /** Undefined, or why a token is not shown. */
  wrong(token: unknown): ClientError | undefined {
    const wrong = wrongToken(token);
    if (wrong) return wrong;
    const lateMs = this.clock?.lateMs(token as string) ?? -1;
    if (lateMs < 0 && token !== this.#over) return undefined;
    const since = lateMs < 0 ? '' : `, and has been for ${Math.floor(lateMs / 1_000)} s`;
    return failure('no_token', `the token is over${since}`);
  }

  /** Whoever waits for one is told. */
  end(error: ClientError): void {
    for (const over of [...this.#asked]) over(failed(error));
  }

  set(token: string): void {
    this.#token = token;
    this.accepted();
  }

  accepted(): void {
    this.#refusals = 0;
    this.#isDoubtful = false;
  }

  /** The server says that the token of this connection is over. False when there is no other. */
  expired(): boolean {
    this.#over = this.#token;
    return this.isRenewable;
  }

  /** The server cannot tell for a while whether it takes a token: a newer one is asked for by then. */
  doubt(token: string): void {
    if (token === this.#token) this.#isDoubtful = true;
  }

  /**
   * A token was refused. The next one is asked for, if that is not done already; false when it cannot help: there is
   * only the one, or the one before was refused too. One that is over says nothing of the next.
   */
  renew(refused: string): boolean {
    if (!this.isRenewable) return false;
    if (refused !== this.#token) return true;
    this.#token = undefined;
    return this.clock?.seemsOver(refused) || ++this.#refusals === 1;
  }
}
