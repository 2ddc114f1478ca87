import type { AuthorizeQuestion } from '../../runtime/ports/hooks.ts';
import type { Decision } from './hook-answers.ts';

interface Kept {
  readonly user: string;
  readonly room: string;
  /** Another token, another question. */
  readonly claims: string;
  readonly decision: Decision;
  readonly until: number;
}

/** Decisions that are kept, and UTF-16 units of the claims they were made of; the oldest go first. */
const KEPT_MAX = 20_000;
const CLAIMS_SIZE_MAX = 8 * 1024 * 1024;

/** Decisions that the application made for a while (`forMs`), so that the node need not ask again. */
export class Decisions {
  readonly #kept = new Map<string, Kept>();
  #claimsSize = 0;

  get(question: AuthorizeQuestion, now: number): Decision | undefined {
    const key = keyOf(question);
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    if (kept.until > now && kept.claims === question.claims) return kept.decision;
    this.#delete(key, kept);
    return undefined;
  }

  keep(question: AuthorizeQuestion, decision: Decision, until: number): void {
    const { user, room, claims } = question;
    const key = keyOf(question);
    const before = this.#kept.get(key);
    if (before) this.#delete(key, before);
    this.#kept.set(key, { user, room, claims, decision, until });
    this.#claimsSize += claims.length;
    for (const [oldest, kept] of this.#kept) {
      if (this.#kept.size <= KEPT_MAX && this.#claimsSize <= CLAIMS_SIZE_MAX) return;
      this.#delete(oldest, kept);
    }
  }

  /** Decisions may be different now: those about a user, in a room, about a user in a room, or all. */
  forget(isMeant: (of: { readonly user: string; readonly room: string }) => boolean): void {
    for (const [key, kept] of this.#kept) if (isMeant(kept)) this.#delete(key, kept);
  }

  #delete(key: string, { claims }: Kept): void {
    this.#kept.delete(key);
    this.#claimsSize -= claims.length;
  }
}

/** Neither an action, a room nor a user holds a blank (FR6). */
function keyOf({ action, room, user }: AuthorizeQuestion): string {
  return `${action} ${room} ${user}`;
}
