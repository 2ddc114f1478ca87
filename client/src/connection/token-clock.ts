import type { Ports } from '../ports.ts';
import { isObject } from '../wire/frame-schemas.ts';
import { epochMs } from '../wire/text.ts';
import { backoffMs, PAUSE_MS } from './reconnect-policy.ts';
import type { ClientPart, ClientScope, ConnectionScope } from './scopes.ts';
import type { TokenTimes } from './tokens.ts';

/** HTTP tells its time in whole seconds. */
const DATE_CUT_MS = 1_000;

/** Timers of platforms do not reach further than three weeks. */
const STEP_MS = 3_600_000;

/**
 * What time it is on the server, and so which tokens are over. The device's clock that never falls may stand still while
 * it sleeps, and its wall clock may be set: by the first it is at least so late there, by the second perhaps later.
 */
export class TokenClock implements TokenTimes {
  readonly #ports: Ports;
  #offset: number | undefined;
  /** To the device's own wall clock, which is all there is before the server has said anything. */
  #wallOffset = 0;

  constructor(ports: Ports) {
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

/** Has a connection's token replaced when four fifths of its time are over, and again when that failed. */
export class TokenRenewal implements ClientPart {
  readonly #client: ClientScope;
  readonly #clock: TokenClock;
  readonly #renew: () => void;
  #cancel: (() => void) | undefined;
  #isOn = false;
  /** How often in a row it could not be replaced. */
  #failures = 0;

  constructor(client: ClientScope, clock: TokenClock, renew: () => void) {
    this.#client = client;
    this.#clock = clock;
    this.#renew = renew;
  }

  connected({ welcome }: ConnectionScope): void {
    this.#clock.heard(epochMs(welcome.time));
    this.expires(welcome.expiresAt);
  }

  expires(at: string): void {
    this.lost();
    const end = epochMs(at);
    if (end === undefined || !this.#client.tokens.isRenewable) return;
    this.#isOn = true;
    const now = this.#clock.likely;
    if (end > now) this.#wait(now + (end - now) * 0.8);
  }

  /** It could not be replaced. Until it is over, and the connection with it, that is tried again. */
  failed(): void {
    if (!this.#isOn) return;
    const growing = backoffMs(++this.#failures, this.#client.ports);
    this.#wait(this.#clock.likely + PAUSE_MS + growing);
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
    const left = until - this.#clock.likely;
    if (left <= 0) return this.#renew();
    this.#cancel?.();
    this.#cancel = this.#client.ports.after(Math.min(left, STEP_MS), () => this.#wait(until));
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
