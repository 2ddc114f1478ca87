import type { Subscriber } from './subscriber.ts';

/**
 * Who is subscribed to a channel here, by connection, and by user where that is asked for.
 *
 * - `#byUser` is made by the first question and kept from then on: most channels are never asked.
 */
export class Subscribers {
  readonly #byConnection = new Map<number, Subscriber>();
  #byUser: Map<string, Set<Subscriber>> | undefined;

  get size(): number {
    return this.#byConnection.size;
  }

  get(connection: number): Subscriber | undefined {
    return this.#byConnection.get(connection);
  }

  has(connection: number): boolean {
    return this.#byConnection.has(connection);
  }

  /** Whose a connection is; nobody's when it is not subscribed. */
  userOf(connection: number): string {
    return this.get(connection)?.user ?? '';
  }

  all(): Iterable<Subscriber> {
    return this.#byConnection.values();
  }

  of(user: string): Iterable<Subscriber> {
    if (!this.#byUser) {
      this.#byUser = new Map();
      for (const subscriber of this.all()) this.#index(this.#byUser, subscriber);
    }
    return this.#byUser.get(user) ?? [];
  }

  /** The one at an address: it ends with the connection's number. */
  at(address: string): Subscriber | undefined {
    const found = this.#byConnection.get(Number(address.slice(address.lastIndexOf('.') + 1)));
    return found?.address === address ? found : undefined;
  }

  add(subscriber: Subscriber): void {
    this.remove(subscriber.connection);
    this.#byConnection.set(subscriber.connection, subscriber);
    if (this.#byUser) this.#index(this.#byUser, subscriber);
  }

  remove(connection: number): void {
    const known = this.#byConnection.get(connection);
    if (!known) return;
    this.#byConnection.delete(connection);
    const others = this.#byUser?.get(known.user);
    others?.delete(known);
    if (others?.size === 0) this.#byUser?.delete(known.user);
  }

  #index(byUser: Map<string, Set<Subscriber>>, subscriber: Subscriber): void {
    const others = byUser.get(subscriber.user);
    if (others) others.add(subscriber);
    else byUser.set(subscriber.user, new Set([subscriber]));
  }
}
