import type { Turn } from '../../runtime/ports/actor.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import type { ConnectionAddress, Origin, Sender } from '../messages/connection.ts';
import { SESSIONS } from '../messages/node.ts';
import type { Effects } from '../kit/effects.ts';

interface Rights {
  readonly isAdmin: boolean;
  readonly payload: string;
}

/** What a connection's token says, and for how long (JW3). The actor that watches sessions shares the parts. */
export class Credentials {
  readonly #address: ConnectionAddress;
  /** When the connection began, by the node's clock. */
  readonly #since: number;
  #rights: Rights;
  #expiresAt: number;
  #origin: Origin;

  constructor(address: ConnectionAddress, claims: Claims, now: number) {
    this.#address = address;
    this.#since = now;
    this.#rights = rightsOf(claims);
    this.#expiresAt = claims.expiresAt;
    this.#origin = { address, key: keyOf(claims, claims.checkedAt) };
  }

  /** The sender of a message, with its rights. */
  get sender(): Sender {
    const { isAdmin, payload } = this.#rights;
    return { user: this.#origin.key.user, isAdmin, payload, origin: this.#origin };
  }

  get isAdmin(): boolean {
    return this.#rights.isAdmin;
  }

  /** The payload of the token, as text. */
  get payload(): string {
    return this.#rights.payload;
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  /** At the start, and whenever the actor that watches sessions has forgotten this one. */
  watch(out: Effects): void {
    const { key } = this.#origin;
    const watched = { key, rights: this.#rights, since: this.#since, expiresAt: this.#expiresAt };
    out.tell(SESSIONS, { type: 'watch', address: this.#address, ...watched });
  }

  armExpiry(turn: Turn, out: Effects): void {
    out.arm('expiry', this.#expiresAt - turn.wall);
  }

  /**
   * True when the scope that passes every check has come or gone with the new token. A refresh makes no connection
   * younger: a revocation closes the connections of its time, whatever their tokens (JW5).
   */
  renew(claims: Claims, turn: Turn, out: Effects): boolean {
    const isScoped = claims.isAdmin !== this.isAdmin;
    const { address, key } = this.#origin;
    this.#rights = rightsOf(claims);
    this.#expiresAt = claims.expiresAt;
    this.#origin = { address, key: keyOf(claims, key.openedAt) };
    this.armExpiry(turn, out);
    this.watch(out);
    return isScoped;
  }

  /** The wall clock says when a token is over; it may have been set back since the timer was armed. */
  isOver(turn: Turn, out: Effects): boolean {
    if (this.#expiresAt <= turn.wall) return true;
    this.armExpiry(turn, out);
    return false;
  }

  forget(out: Effects): void {
    out.tell(SESSIONS, { type: 'unwatch', address: this.#address });
  }
}

function rightsOf({ isAdmin, payload = '{}' }: Claims): Rights {
  return { isAdmin, payload };
}

/** `openedAt`: when the connection began, by the database's clock as far as that could be asked. */
function keyOf({ user, session, issuedAt }: Claims, openedAt: number | undefined): Origin['key'] {
  return { user, session, issuedAt, openedAt };
}
