import type { Revocation, SessionKey, Standing } from '../../protocol/revocation.ts';
import type { Removal } from './members.ts';

/** What the list of revocations says about a session (JW5). */
export interface SessionFinding {
  readonly standing: Standing;
  /** When the store looked it up, by the database's clock: milliseconds since 1970. */
  readonly at: number;
  /** For `undecided`: how long until a new token is clearly newer than the revocation. Else 0. */
  readonly retryAfterMs: number;
}

/** A loss of rights, with its number. */
export type Loss =
  | ({ readonly kind: 'revocation'; readonly number: number } & Revocation)
  | ({ readonly kind: 'removal'; readonly number: number } & Removal);

/** Calls about sessions that are ended before their tokens expire (JW5). */
export interface RevocationCalls {
  /** Ends sessions, and returns when by the database's clock (JW5). */
  revoke: {
    request: Omit<Revocation, 'at'> & {
      /**
       * The longest life of a token that it refuses; after that the store forgets it. Null: the store keeps it until
       * `unrevoke`.
       */
      readonly keepMs: number | null;
    };
    reply: { readonly at: number };
  };
  /** Undoes the revocation of a user's sessions, or of one session. False when there is none. */
  unrevoke: { request: Pick<Revocation, 'user' | 'session'>; reply: boolean };
  /** Keeps these revocations until `unrevoke`, whatever their `keepMs`. */
  holdRevocations: { request: Pick<Revocation, 'user' | 'session'>; reply: null };
  /**
   * Removes some of the revocations that are past their time, and of the removals that are older than any node needs, and
   * returns how many. `limit` is how many of each at most.
   */
  pruneRevocations: { request: { readonly limit: number }; reply: number };
  /**
   * The revocations and removals in force with a higher number than this, in the order of their numbers, which is that of
   * their commits (D25). `limit` is how many at most.
   */
  revokedAfter: {
    request: { readonly number: number; readonly limit: number };
    reply: readonly Loss[];
  };
  /** The standing of sessions, in the order of the request. */
  revoked: { request: { readonly sessions: readonly SessionKey[] }; reply: readonly SessionFinding[] };
}
