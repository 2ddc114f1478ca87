import { failed, failure, type ClientError, type Done } from '../errors.ts';
import type { BasePorts } from '../ports.ts';
import { isObject } from '../wire/frame-schemas.ts';
import { epochMs } from '../wire/text.ts';
import { backoffMs, PAUSE_MS } from './reconnect-policy.ts';
import type { ClientPart, ConnectionScope } from './scopes.ts';
import { Tokens, type TokenSource } from './tokens.ts';

/** HTTP tells its time in whole seconds. */
const DATE_CUT_MS = 1_000;

/** Timers of platforms do not reach further than three weeks. */
const STEP_MS = 3_600_000;

/**
 * What time it is on the server, and so which tokens are over. The device's clock that never falls may stand still while
 * it sleeps, and its wall clock may be set: by the first it is at least so late there, by the second perhaps later.
 */
class TokenClock {
  readonly #ports: BasePorts;
  #offset: number | undefined;
  /** To the device's own wall clock, which is all there is before the server has said anything. */
  #wallOffset = 0;

  constructor(ports: BasePorts) {
    this.#ports = ports;
  }

  /** The server has said what time it is, in milliseconds since 1970. */
  heard(at: number | undefined): void {
    if (at === undefined) return;
    this.#offset = at - this.#ports.now();
    this.#wallOffset = at - this.#ports.wall();
  }

  /** As HTTP's `Date` says it, which is news only where it contradicts what is known. */
  heardDate(at: number | undefined): void {
    const known = this.#atLeast;
    if (at === undefined || (known >= at && known <= at + DATE_CUT_MS)) return;
    this.heard(at);
  }

  /** Nothing is earlier; −Infinity while the server has said nothing. */
  get #atLeast(): number {
    return this.#offset === undefined ? -Infinity : this.#ports.now() + this.#offset;
  }

  /** With the time that the device has slept. */
  get likely(): number {
    return Math.max(this.#atLeast, this.#ports.wall() + this.#wallOffset);
  }

  lateMs(token: string): number {
    return this.#atLeast - (endOf(token) ?? Infinity);
  }

  /** Where the device has slept, its clock that never falls does not know; and what the other one says may be wrong. */
  seemsOver(token: string): boolean {
    return (endOf(token) ?? Infinity) <= this.likely;
  }
}

/** What gives tokens is waited for so long. */
const SOURCE_MS = 10_000;

/** The token a client shows, and whether there may be a better one. One that is known to be over is never shown. */
export class KeptTokens extends Tokens {
  readonly clock: TokenClock;
  readonly #asked = new Set<Done<string>>();
  #token: string | undefined;
  /** The server has said of it that it is over. */
  #over: string | undefined;
  /** The server cannot tell whether the one there is was revoked: of a newer one it can (JW5). */
  #isDoubtful = false;

  constructor(source: string | TokenSource, ports: BasePorts) {
    super(source, ports);
    this.clock = new TokenClock(ports);
  }

  /** The one there is, or a new one where that may be better. */
  override get(done: Done<string>): void {
    const kept = this.#token;
    if (kept === undefined) return this.#renewed(undefined, done);
    const wrong = this.wrong(kept);
    const isOld = this.isRenewable && (wrong || this.#isDoubtful || this.clock.seemsOver(kept));
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

  /** A new one; it is not used before it is taken over with `set`, or asked for by `get`. Answered once, in 10 s. */
  override ask(done: Done<string>): void {
    const over: Done<string> = (result) => {
      if (!this.#asked.delete(over)) return;
      cancel();
      done(result);
    };
    this.#asked.add(over);
    const cancel = this.ports.after(SOURCE_MS, () =>
      over(failed(failure('no_token', `no token was given in ${SOURCE_MS} ms`))),
    );
    super.ask(over);
  }

  /** Whoever waits for one is told. */
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

  /** The next one is asked for, if that is not done already. One that is over says nothing of the next. */
  override renew(refused: string): boolean {
    if (!this.isRenewable) return false;
    if (refused !== this.#token) return true;
    this.#token = undefined;
    return this.clock.seemsOver(refused) || super.renew(refused);
  }
}

/** Has a connection's token replaced when four fifths of its time are over, and again when that failed. */
export class TokenRenewal implements ClientPart {
  readonly #tokens: KeptTokens;
  readonly #renew: () => void;
  #cancel: (() => void) | undefined;
  #isOn = false;
  /** How often in a row it could not be replaced. */
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

  /** It could not be replaced. Until it is over, and the connection with it, that is tried again. */
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
 * When a JWT is over, in milliseconds since 1970; undefined when it does not say so: whether it is good is for the server
 * to say. The core may not touch the platform's decoder. Bytes stand for characters: the claim `exp` has no other ones.
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
