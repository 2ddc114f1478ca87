import type { SessionKey } from './protocol/revocation.ts';

/** Users and sessions of whom it is remembered, each; the oldest are forgotten. */
const REMEMBERED_MAX = 10_000;

/** Users by a name; the oldest of too many are forgotten. */
class RecentNames {
  readonly #users = new Map<string, string>();

  set(name: string, user: string): void {
    this.#users.set(name, user);
    if (this.#users.size <= REMEMBERED_MAX) return;
    const [oldest] = this.#users.keys();
    if (oldest !== undefined) this.#users.delete(oldest);
  }

  get(name: string): string | undefined {
    return this.#users.get(name);
  }
}

/**
 * Who comes with tokens without `iat`: nothing says when they were issued, so once all of a user's are ended they are
 * refused until that is taken back (JW5).
 */
export class UndatedTokens {
  /** Users themselves, and users by session. */
  readonly #users = new RecentNames();
  readonly #sessions = new RecentNames();
  /** Whose revocation is known not to be forgotten. */
  readonly #held = new RecentNames();

  note({ user, session, issuedAt }: SessionKey): void {
    if (issuedAt !== undefined) return;
    this.#users.set(user, user);
    if (session !== undefined) this.#sessions.set(session, user);
  }

  /** The users with such tokens among those that a revocation is about. */
  usersOf(which: { readonly user: string | null; readonly session: string | null }): readonly string[] {
    const { user, session } = which;
    const found = user === null ? this.#sessions.get(session ?? '') : this.#users.get(user);
    return found === undefined ? [] : [found];
  }

  /** Whether an undated token that was refused has to be told to the store: once is enough. */
  isFirstRefusal({ user, session }: SessionKey): boolean {
    const name = JSON.stringify([user, session]);
    if (this.#held.get(name) !== undefined) return false;
    this.#held.set(name, user);
    return true;
  }
}
