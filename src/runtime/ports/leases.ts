import type { Channel } from '../../protocol/channels.ts';
import type { View, ViewStamp } from './placement.ts';

/** The record in the database which shows that a process is alive (D11). */
export interface Lease {
  /** Node and incarnation: the name under which the process claims and appends. */
  readonly incarnation: string;
  readonly node: string;
  /** Each renewal adds one. */
  readonly beats: number;
  readonly isDead: boolean;
  /** The process may get shards: it is a node of the cluster, no edge, and does not leave. */
  readonly takesHomes: boolean;
  /** Messages of other nodes reach it (D11). */
  readonly isHeard: boolean;
}

/** Calls about processes, and about what other processes have stored. */
export interface LeaseCalls {
  /**
   * Adds a beat to the caller's lease and reads all others. `take` also creates the lease if there is none. The store never
   * renews a lease that another process has declared dead.
   */
  renew: {
    request: {
      readonly incarnation: string;
      readonly node: string;
      readonly mode: 'take' | 'renew';
      /** What the lease says from here on; by default that the process takes no homes, and is heard. */
      readonly takesHomes?: boolean;
      readonly isHeard?: boolean;
    };
    reply: {
      /** False when there is no such lease, or it is dead. */
      readonly isHeld: boolean;
      /** All leases but the caller's. */
      readonly leases: readonly Lease[];
      /** The database's time, ms since 1970. */
      readonly at: number;
      /** The database's timeline, which changes with a failover. Null when the database cannot report it. */
      readonly timeline: string | null;
      /** The database is a standby and accepts no writes. It renewed nothing. */
      readonly isInRecovery: boolean;
      /** The present view; null when there is none. */
      readonly view: ViewStamp | null;
      /** The number of the newest loss of a right (D25); 0 when there was none. It falls only with a failover. */
      readonly losses: number;
    };
  };
  /**
   * Declares processes dead (D11). One with `beats` is declared dead only if it has not been renewed since. Nothing ever undoes
   * it.
   */
  declareDead: {
    request: {
      readonly leases: readonly { readonly incarnation: string; readonly beats: number | null }[];
    };
    reply: null;
  };
  /** The view; null when there is none. */
  view: { request: object; reply: View | null };
  /** Replaces the view if it is still the one of `before` (null: there is none). False: it is another one. */
  changeView: { request: { readonly before: ViewStamp | null; readonly view: View }; reply: boolean };
  /** Removes leases. One with `beats` is removed only if it has not been renewed since. */
  endLeases: {
    request: {
      readonly leases: readonly { readonly incarnation: string; readonly beats: number | null }[];
    };
    reply: null;
  };
  /**
   * The channels with new messages since a time of the database (null: now) less a margin, and their heads. `heads` is null
   * when that time is longer ago than `backMaxMs`. The next call passes `at` as `since`.
   */
  moved: {
    request: { readonly since: number | null; readonly marginMs: number; readonly backMaxMs: number };
    reply: { readonly at: number; readonly heads: ReadonlyMap<Channel, number> | null };
  };
}
