import { failed, failure, type ClientError, type Done } from '../errors.ts';
import type { BasePorts } from '../ports.ts';
import { isObject } from '../wire/frame-schemas.ts';
import { epochMs } from '../wire/text.ts';
import { backoffMs, PAUSE_MS } from './reconnect-policy.ts';
import type { ClientPart, ConnectionScope } from './scopes.ts';
import { Tokens, type TokenSource } from './tokens.ts';

/** HTTP dates have whole seconds. */
const DATE_CUT_MS = 1_000;

/** Timers of some platforms reach no further than three weeks. */
const STEP_MS = 3_600_000;

/**
 * The server's time, which decides whether a token has expired. The device's monotonic clock may stop during sleep, and its
 * wall clock may be set. The first gives a lower bound of the server's time, the second perhaps a later time.
 */
class TokenClock {
  readonly #ports: BasePorts;
  #offset: number | undefined;
  /** The offset to the device's wall clock, which is all that the client has before the server names a time. */
  #wallOffset = 0;

  constructor(ports: BasePorts) {
    this.#ports = ports;
  }

  /** The server named a time, in milliseconds since 1970. */
  heard(at: number | undefined): void {
    if (at === undefined) return;
    this.#offset = at - this.#ports.now();
    this.#wallOffset = at - this.#ports.wall();
  }

  /** The time of HTTP's `Date`. It counts only if it contradicts what is known. */
  heardDate(at: number | undefined): void {
    const known = this.#atLeast;
    if (at === undefined || (known >= at && known <= at + DATE_CUT_MS)) return;
    this.heard(at);
  }

  /** A lower bound of the server's time; −Infinity before the server names one. */
  get #atLeast(): number {
    return this.#offset === undefined ? -Infinity : this.#ports.now() + this.#offset;
  }

  /** The probable time, with the device's sleep. */
  get likely(): number {
    return Math.max(this.#atLeast, this.#ports.wall() + this.#wallOffset);
  }

  lateMs(token: string): number {
    return this.#atLeast - (endOf(token) ?? Infinity);
  }

  /** The monotonic clock misses sleep, and the wall clock may be wrong. Either may say that a token has expired. */
  seemsOver(token: string): boolean {
    return (endOf(token) ?? Infinity) <= this.likely;
  }
}

/** How long the client waits for the token source. */
const SOURCE_MS = 10_000;

/**
 * The client's current token, and whether a better one may exist. The client never sends one that it knows to be expired.
 */
export class KeptTokens extends Tokens {
  readonly clock: TokenClock;
  readonly #asked = new Set<Done<string>>();
  #token: string | undefined;
  /** A token that the server called expired. */
  #over: string | undefined;
  /** The server cannot tell whether the current token is revoked, but it can for a newer one (JW5). */
  #isDoubtful = false;

  constructor(source: string | TokenSource, ports: BasePorts) {
    super(source, ports);
    this.clock = new TokenClock(ports);
  }

  /** The current token, or a new one if that may be better. */
  override get(done: Done<string>): void {
    const kept = this.#token;
    if (kept === undefined) return this.#renewed(undefined, done);
    const wrong = this.wrong(kept);
    const isOld = this.isRenewable && (wrong || this.#isDoubtful || this.clock.seemsOver(kept));
    if (isOld) this.#renewed(wrong ? undefined : kept, done);
    else done(wrong ? failed(wrong) : { ok: true, value: kept });
  }

  /** `kept` is the fallback when no newer token is available. */
  #renewed(kept: string | undefined, done: Done<string>): void {
    this.ask((given) => {
      if (given.ok) {
        this.#token = given.value;
        this.#isDoubtful = false;
      }
      done(given.ok || kept === undefined ? given : { ok: true, value: kept });
    });
  }

  /** Asks for a new token. The client uses it only after `set`, or when `get` asks. The callback runs once, within 10 s. */
  override ask(done: Done<string>): void {
    const over: Done<string> = (result) => {
      if (!this.#asked.delete(over)) return;
      cancel();
      done(result);
    };
    this.#asked.add(over);
    const cancel = this.ports.after(SOURCE_MS, () =>
      over(failed(failure('no_token', `no token within ${SOURCE_MS} ms`))),
    );
    super.ask(over);
  }

  /** Ends all waiting callers with an error. */
  override end(error: ClientError): void {
    for (const over of [...this.#asked]) over(failed(error));
  }

  override wrong(token: unknown): ClientError | undefined {
    const wrong = super.wrong(token);
    if (wrong) return wrong;
    const lateMs = this.clock.lateMs(token as string);
    if (lateMs < 0 && token !== this.#over) return undefined;
    const since = lateMs < 0 ? '' : `, and has been for ${Math.floor(lateMs / 1_000)} s`;
    return failure('no_token', `the token is over${since}`);
  }

  set(token: string): void {
    this.#token = token;
    this.accepted();
  }

  override accepted(): void {
    super.accepted();
    this.#isDoubtful = false;
  }

  override expired(): void {
    this.#over = this.#token;
  }

  override doubt(token: string): void {
    if (token === this.#token) this.#isDoubtful = true;
  }

  override heardDate(at: number | undefined): void {
    this.clock.heardDate(at);
  }

  /** Asks for the next token unless that is done already. An expired token says nothing about the next one. */
  override renew(refused: string): boolean {
    if (!this.isRenewable) return false;
    if (refused !== this.#token) return true;
    this.#token = undefined;
    return this.clock.seemsOver(refused) || super.renew(refused);
  }
}

/** Replaces a connection's token after four fifths of its life, and retries when that fails. */
export class TokenRenewal implements ClientPart {
  readonly #tokens: KeptTokens;
  readonly #renew: () => void;
  #cancel: (() => void) | undefined;
  #isOn = false;
  /** How often in a row the replacement failed. */
  #failures = 0;

  constructor(tokens: KeptTokens, renew: () => void) {
    this.#tokens = tokens;
    this.#renew = renew;
  }

  connected({ welcome }: ConnectionScope): void {
    this.#tokens.clock.heard(epochMs(welcome.time));
    this.expires(welcome.expiresAt);
  }

  expires(at: string): void {
    this.lost();
    const end = epochMs(at);
    if (end === undefined || !this.#tokens.isRenewable) return;
    this.#isOn = true;
    const now = this.#tokens.clock.likely;
    if (end > now) this.#wait(now + (end - now) * 0.8);
  }

  /** The replacement failed. It is retried until the token expires, which ends the connection. */
  failed(): void {
    if (!this.#isOn) return;
    const growing = backoffMs(++this.#failures, this.#tokens.ports);
    this.#wait(this.#tokens.clock.likely + PAUSE_MS + growing);
  }

  lost(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#isOn = false;
    this.#failures = 0;
  }

  end(): void {
    this.lost();
  }

  #wait(until: number): void {
    const left = until - this.#tokens.clock.likely;
    if (left <= 0) return this.#renew();
    this.#cancel?.();
    this.#cancel = this.#tokens.ports.after(Math.min(left, STEP_MS), () => this.#wait(until));
  }
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * When a JWT expires, in milliseconds since 1970; undefined when it has no `exp`. The server decides whether it is valid.
 * The core may not use the platform's decoder, so bytes stand for characters. The claim `exp` has only ASCII.
 */
function endOf(token: string): number | undefined {
  let [held, bits, text] = [0, 0, ''];
  for (const digit of token.split('.')[1] ?? '') {
    held = (held << 6) | DIGITS.indexOf(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    text += String.fromCharCode((held >> bits) & 255);
  }
  try {
    const claims: unknown = JSON.parse(text);
    const exp = isObject(claims) ? claims['exp'] : undefined;
    return typeof exp === 'number' ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
