import type { Turn } from '../../runtime/ports/actor.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { ConnectionAddress, Origin, Sender } from '../messages/connection.ts';
import { SESSIONS } from '../messages/node.ts';
import type { Effects } from '../kit/effects.ts';

/** What a connection's token says, and for how long (JW3). */
export class Credentials {
  readonly #address: ConnectionAddress;
  /** When the connection began: by the database's clock as far as that could be asked, and by the node's. */
  readonly #openedAt: number | undefined;
  readonly #since: number;
  #claims: Claims;
  #origin: Origin;

  constructor(address: ConnectionAddress, claims: Claims, now: number) {
    this.#address = address;
    this.#openedAt = claims.checkedAt;
    this.#since = now;
    this.#claims = claims;
    this.#origin = this.#originOf(claims);
  }

  /**
   * A refresh makes no connection younger: a revocation closes the connections of its time, whatever their tokens
   * (JW5).
   */
  #originOf({ user, session, issuedAt }: Claims): Origin {
    return { address: this.#address, key: { user, session, issuedAt, openedAt: this.#openedAt } };
  }

  /** The sender of a message, with its rights. */
  get sender(): Sender {
    const { user, isAdmin } = this.#claims;
    return { user, isAdmin, payload: this.payload, origin: this.#origin };
  }

  get isAdmin(): boolean {
    return this.#claims.isAdmin;
  }

  /** The payload of the token, as text. */
  get payload(): string {
    return this.#claims.payload ?? '{}';
  }

  get expiresAt(): number {
    return this.#claims.expiresAt;
  }

  /** At the start, and whenever the actor that watches sessions has forgotten this one. */
  watch(out: Effects): void {
    const { isAdmin, expiresAt } = this.#claims;
    const { key } = this.#origin;
    const rights = { isAdmin, payload: this.payload };
    const watched = { key, rights, since: this.#since, expiresAt };
    out.tell(SESSIONS, { type: 'watch', address: this.#address, ...watched });
  }

  armExpiry(turn: Turn, out: Effects): void {
    out.arm('expiry', this.#claims.expiresAt - turn.wall);
  }

  /** True when the scope that passes every check has come or gone with the new token. */
  renew(claims: Claims, turn: Turn, out: Effects): boolean {
    const isScoped = claims.isAdmin !== this.#claims.isAdmin;
    this.#claims = claims;
    this.#origin = this.#originOf(claims);
    this.armExpiry(turn, out);
    this.watch(out);
    return isScoped;
  }

  /** The wall clock says when a token is over; it may have been set back since the timer was armed. */
  isOver(turn: Turn, out: Effects): boolean {
    if (this.#claims.expiresAt <= turn.wall) return true;
    this.armExpiry(turn, out);
    return false;
  }

  forget(out: Effects): void {
    out.tell(SESSIONS, { type: 'unwatch', address: this.#address });
  }
}
