import { SmallMap } from '../kit/small.ts';
import type { Subscriber } from './subscriber.ts';

/**
 * The subscribers of a channel on this node, by connection and by user.
 *
 * - The first call of {@link of} makes `#byUser`: most relays never need it.
 */
export class Subscribers {
  readonly #byConnection = new SmallMap<number, Subscriber>();
  #byUser: Map<string, Set<Subscriber>> | undefined;

  get size(): number {
    return this.#byConnection.size;
  }

  get(connection: number): Subscriber | undefined {
    return this.#byConnection.get(connection);
  }

  /** The subscriber that a question was about, unless another subscription of the connection has taken its place. */
  asked({ connection, serial }: Pick<Subscriber, 'connection' | 'serial'>): Subscriber | undefined {
    const subscriber = this.get(connection);
    return subscriber?.serial === serial ? subscriber : undefined;
  }

  has(connection: number): boolean {
    return this.#byConnection.has(connection);
  }

  /** The user of a connection; an empty text when it is not subscribed. */
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

  /** The subscriber at an address, which ends with the connection's number. */
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
    const subscriber = this.#byConnection.get(connection);
    if (!subscriber) return;
    this.#byConnection.delete(connection);
    const others = this.#byUser?.get(subscriber.user);
    others?.delete(subscriber);
    if (others?.size === 0) this.#byUser?.delete(subscriber.user);
  }

  #index(byUser: Map<string, Set<Subscriber>>, subscriber: Subscriber): void {
    const others = byUser.get(subscriber.user);
    if (others) others.add(subscriber);
    else byUser.set(subscriber.user, new Set([subscriber]));
  }
}
