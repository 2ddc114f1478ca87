import type { Channel } from '../../protocol/channels.ts';

/** That a process lives, as the database has it (D11). */
export interface Lease {
  /** Node and incarnation: who claims and appends. */
  readonly incarnation: string;
  readonly node: string;
  /** One more with each renewal. */
  readonly beats: number;
  readonly isDead: boolean;
}

/** What is asked about processes, and about what other ones have stored. */
export interface LeaseCalls {
  /**
   * Adds a beat to the caller's lease, and looks at everyone else's. `take`: there need be none yet. A lease that has been
   * called dead is never renewed.
   */
  renew: {
    request: { readonly incarnation: string; readonly node: string; readonly mode: 'take' | 'renew' };
    reply: {
      /** False: there is no such lease, or it is dead. */
      readonly isHeld: boolean;
      /** Without the caller's. */
      readonly leases: readonly Lease[];
      /** The database's time, ms since 1970. */
      readonly at: number;
      /** The history that the database is on: another one after a failover. Null: it cannot say. */
      readonly timeline: string | null;
      /** It is a copy of another database, and takes nothing. Then nothing was renewed. */
      readonly isInRecovery: boolean;
    };
  };
  /** Removes leases; where beats are given, only while they have not changed. */
  endLeases: {
    request: {
      readonly leases: readonly { readonly incarnation: string; readonly beats: number | null }[];
    };
    reply: null;
  };
  /**
   * Which channels have got messages since a time of the database's (null: now) less a margin, and how far they go; null
   * when that time is longer ago than `backMaxMs`. `at` is the time to ask from next.
   */
  moved: {
    request: { readonly since: number | null; readonly marginMs: number; readonly backMaxMs: number };
    reply: { readonly at: number; readonly heads: ReadonlyMap<Channel, number> | null };
  };
}
