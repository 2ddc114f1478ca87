import { standingUnder, type Revocation, type SessionKey, type Standing } from '../../protocol/revocation.ts';

/** Longer than any request is under way, with all the time that the application may take. */
const RECENT_MS = 45_000;

/** Sessions that ended, and decisions that were called in question, a moment ago: earlier requests may be under way. */
export class RecentChanges {
  #revocations: (Revocation & { readonly keptAt: number })[] = [];
  /** By user and room, a blank for all of them, which neither holds (FR6). The oldest first. */
  readonly #rechecks = new Map<string, number>();

  revoked(revocation: Revocation, now: number): void {
    this.#revocations = this.#revocations.filter(({ keptAt }) => now - keptAt < RECENT_MS);
    this.#revocations.push({ ...revocation, keptAt: now });
  }

  unrevoked({ user, session }: Pick<Revocation, 'user' | 'session'>): void {
    this.#revocations = this.#revocations.filter(
      (kept) => !((user !== null && kept.user === user) || (session !== null && kept.session === session)),
    );
  }

  standing(key: SessionKey, now: number): Standing {
    let standing: Standing = 'good';
    for (const revocation of this.#revocations) {
      if (now - revocation.keptAt >= RECENT_MS) continue;
      const under = standingUnder(revocation, key);
      if (under === 'ended') return under;
      if (under === 'undecided') standing = under;
    }
    return standing;
  }

  rechecked(user: string | undefined, room: string | undefined, now: number): void {
    for (const [key, at] of this.#rechecks) {
      if (now - at < RECENT_MS) break;
      this.#rechecks.delete(key);
    }
    const key = recheckKey(user, room);
    this.#rechecks.delete(key);
    this.#rechecks.set(key, now);
  }

  /** Whether a decision since then about a user in a room may be different now. */
  isDoubted({
    user,
    room,
    since,
  }: {
    readonly user: string;
    readonly room: string;
    readonly since: number;
  }): boolean {
    if (this.#rechecks.size === 0) return false;
    const keys = [recheckKey(user, room), recheckKey(user), recheckKey(undefined, room), recheckKey()];
    return keys.some((key) => (this.#rechecks.get(key) ?? -Infinity) >= since);
  }
}

function recheckKey(user = ' ', room = ' '): string {
  return `${user} ${room}`;
}
