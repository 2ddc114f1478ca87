/** Gives a token, or undefined when there is none right now. It calls back once. */
export type TokenSource = (done: (token: string | undefined) => void) => void;

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

  /** The one there is, or a new one. */
  get(done: (token: string | undefined) => void): void {
    if (this.#token === undefined) this.ask(done);
    else done(this.#token);
  }

  /** A new one; it is not used before it is taken over with `set`, or asked for by `get`. */
  ask(done: (token: string | undefined) => void): void {
    const source = this.#source;
    const given = (token: string | undefined): void => {
      if (token === undefined || token === '') return done(undefined);
      this.#token ??= token;
      done(token);
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
