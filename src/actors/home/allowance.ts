import { bucketOf, type TokenBucket } from '../../limits/token-bucket.ts';
import type { Lent } from '../messages/home.ts';
import { Lending } from './lending.ts';

export interface AllowanceLimits {
  /** Messages of a user in a minute, over all connections and REST (LM2); 0: no limit. */
  readonly messagesPerMinute: number;
  /** Connections of a user (LM6); 0: no limit. */
  readonly connectionsMax: number;
  /** Rooms a user may make in an hour (LM13); 0, or not given: no limit. */
  readonly roomsPerHour?: number;
}

const MINUTE_MS = 60_000;

const HOUR_MS = 3_600_000;

/** A handshake that was let in becomes a connection within this, or not at all. */
const RESERVED_MS = 10_000;

/** What one user may do over all connections: so many messages a minute (LM2), and so many connections (LM6). */
export class Allowance {
  readonly #messages: Lending | undefined;
  readonly #rooms: TokenBucket | undefined;
  readonly #connectionsMax: number;
  /** Until when each place is kept that was promised to a handshake; in the order of promising. */
  #reserved: number[] = [];

  constructor({ messagesPerMinute, connectionsMax, roomsPerHour = 0 }: AllowanceLimits) {
    this.#rooms = bucketOf(roomsPerHour, HOUR_MS);
    const messages = bucketOf(messagesPerMinute, MINUTE_MS);
    this.#messages = messages && new Lending(messages);
    this.#connectionsMax = connectionsMax || Infinity;
  }

  /** Takes one message: 0, or in how many milliseconds there will be one. */
  spend(now: number): number {
    return this.#messages?.spend(now) ?? 0;
  }

  /** Lends messages to a connection. There `wanted` chats wait, and `unused` messages are left of the loan before. */
  lend(address: string, wanted: number, unused: number, now: number): Lent {
    const unlimited = { count: wanted, forMs: 0, retryAfterMs: 0 };
    return this.#messages?.lend(address, wanted, unused, now) ?? unlimited;
  }

  /** Takes back what a connection that is over has not used of its loan. */
  returnLoan(address: string, unused: number, now: number): void {
    this.#messages?.giveBack(address, unused, now);
  }

  /** Takes one room: 0, or in how many milliseconds there will be one. */
  spendRoom(now: number): number {
    return this.#rooms?.take(now) ?? 0;
  }

  /** A room that was taken is not made. */
  giveRoomBack(): void {
    this.#rooms?.giveBack();
  }

  /** Whether one more connection has a place beside those that are there. `isKept`: for a while it is kept. */
  hasPlace(connections: number, isKept: boolean, now: number): boolean {
    this.#reserved = this.#reserved.filter((until) => until > now);
    if (connections + this.#reserved.length >= this.#connectionsMax) return false;
    if (isKept && Number.isFinite(this.#connectionsMax)) this.#reserved.push(now + RESERVED_MS);
    return true;
  }

  /** A place that was kept is taken. */
  taken(): void {
    this.#reserved.shift();
  }

  /** Asserted after each loan. */
  get isSound(): boolean {
    return this.#messages?.isSound ?? true;
  }

  /** Nothing has to be remembered: a new allowance is the same. */
  isForgettable(now: number): boolean {
    return this.restsAt <= now && (this.#messages?.isForgettable(now) ?? true);
  }

  /** From when on nothing of it has to be remembered. */
  get restsAt(): number {
    return Math.max(
      this.#messages?.restsAt ?? -Infinity,
      this.#rooms?.fullAt ?? -Infinity,
      this.#reserved.at(-1) ?? -Infinity,
    );
  }
}
