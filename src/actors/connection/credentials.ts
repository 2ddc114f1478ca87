import type { Turn } from '../../runtime/ports/actor.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { ConnectionAddress, Origin, Sender } from '../messages.ts';
import { SESSIONS } from '../services.ts';
import type { Outbox } from '../outbox.ts';

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

  /** A refresh makes no connection younger: what was open when its user was sent away goes with every token (JW5). */
  #originOf({ user, session, issuedAt }: Claims): Origin {
    return { address: this.#address, key: { user, session, issuedAt, openedAt: this.#openedAt } };
  }

  /** Who sends a message, and with which rights. */
  get sender(): Sender {
    const { user, isAdmin } = this.#claims;
    return { user, isAdmin, payload: this.payload, origin: this.#origin };
  }

  get isAdmin(): boolean {
    return this.#claims.isAdmin;
  }

  /** All that the token says, as text. */
  get payload(): string {
    return this.#claims.payload ?? '{}';
  }

  get expiresAt(): number {
    return this.#claims.expiresAt;
  }

  /** From the beginning, and whenever who watches sessions has forgotten. */
  watch(out: Outbox): void {
    const { isAdmin, expiresAt } = this.#claims;
    const { key } = this.#origin;
    const rights = { isAdmin, payload: this.payload };
    const watched = { key, rights, since: this.#since, expiresAt };
    out.tell(SESSIONS, { type: 'watch', address: this.#address, ...watched });
  }

  armExpiry(turn: Turn, out: Outbox): void {
    out.arm('expiry', this.#claims.expiresAt - turn.wall);
  }

  /** True when the scope that passes every check has come or gone with the new token. */
  renew(claims: Claims, turn: Turn, out: Outbox): boolean {
    const isScoped = claims.isAdmin !== this.#claims.isAdmin;
    this.#claims = claims;
    this.#origin = this.#originOf(claims);
    this.armExpiry(turn, out);
    this.watch(out);
    return isScoped;
  }

  /** The wall clock says when a token is over; it may have been set back since the timer was armed. */
  isOver(turn: Turn, out: Outbox): boolean {
    if (this.#claims.expiresAt <= turn.wall) return true;
    this.armExpiry(turn, out);
    return false;
  }

  forget(out: Outbox): void {
    out.tell(SESSIONS, { type: 'unwatch', address: this.#address });
  }
}
