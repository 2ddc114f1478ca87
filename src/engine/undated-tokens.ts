import type { SessionKey } from '../protocol/revocation.ts';

/** How many users and sessions each list remembers. It forgets the oldest ones. */
const REMEMBERED_MAX = 10_000;

/** Users by a name. It forgets the oldest beyond the bound. */
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
 * Remembers users whose tokens have no `iat`. Their time of issue is unknown, so a revocation of all of a user's sessions
 * refuses them until `unrevoke` (JW5).
 */
export class UndatedTokens {
  /** The users themselves, and users by session. */
  readonly #users = new RecentNames();
  readonly #sessions = new RecentNames();
  /** Users and sessions whose revocation is already kept. */
  readonly #held = new RecentNames();

  note({ user, session, issuedAt }: SessionKey): void {
    if (issuedAt !== undefined) return;
    this.#users.set(user, user);
    if (session !== undefined) this.#sessions.set(session, user);
  }

  /** The users with such tokens among those that a revocation concerns. */
  usersOf(which: { readonly user: string | null; readonly session: string | null }): readonly string[] {
    const { user, session } = which;
    const found = user === null ? this.#sessions.get(session ?? '') : this.#users.get(user);
    return found === undefined ? [] : [found];
  }

  /** Whether the store must learn of a refused token without `iat`. Once is enough. */
  isFirstRefusal({ user, session }: SessionKey): boolean {
    const name = JSON.stringify([user, session]);
    if (this.#held.get(name) !== undefined) return false;
    this.#held.set(name, user);
    return true;
  }
}
