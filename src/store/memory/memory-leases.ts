import type { Channel } from '../../protocol/channels.ts';
import type { Lease, LeaseCalls } from '../../runtime/ports/leases.ts';
import { byBytes } from './by-bytes.ts';
import { replace } from './snapshot.ts';

/** The leases of processes as plain data. `wall` is the database's clock. */
export class MemoryLeases {
  readonly #wall: () => number;
  readonly #leases = new Map<string, Lease>();
  #timeline = 1;

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  /** The timeline as PostgreSQL writes it. */
  get timeline(): string {
    return this.#timeline.toString(16).padStart(8, '0');
  }

  all(): ReadonlyMap<string, Lease> {
    return this.#leases;
  }

  /** Fails over to another server, which has these leases. */
  failOver(leases: ReadonlyMap<string, Lease>): void {
    replace(this.#leases, leases);
    this.#timeline++;
  }

  renew({ incarnation, node, mode }: LeaseCalls['renew']['request']): LeaseCalls['renew']['reply'] {
    const leases = [...this.#leases.values()]
      .filter((lease) => lease.incarnation !== incarnation)
      .toSorted((a, b) => byBytes(a.incarnation, b.incarnation));
    const known = this.#leases.get(incarnation);
    const isHeld = known ? !known.isDead : mode === 'take';
    if (isHeld)
      this.#leases.set(incarnation, { incarnation, node, beats: known ? known.beats + 1 : 0, isDead: false });
    const { timeline } = this;
    return { isHeld, leases, at: Math.floor(this.#wall()), timeline, isInRecovery: false };
  }

  end({ leases }: LeaseCalls['endLeases']['request']): null {
    for (const { incarnation, beats } of leases) {
      const known = this.#leases.get(incarnation);
      if (known && (beats === null || beats === known.beats)) this.#leases.delete(incarnation);
    }
    return null;
  }
}

/** Channels with recent messages, if each channel's entries are in the order of their seqs. */
export function moved(
  channels: ReadonlyMap<Channel, { readonly entries: ReadonlyMap<number, { readonly at: number }> }>,
  { since, marginMs, backMaxMs }: LeaseCalls['moved']['request'],
  at: number,
): LeaseCalls['moved']['reply'] {
  if (since !== null && since < at - backMaxMs) return { at, heads: null };
  const from = Math.min(since ?? at, at) - marginMs;
  const heads = new Map<Channel, number>();
  for (const [channel, { entries }] of channels)
    for (const [seq, entry] of entries) if (entry.at > from) heads.set(channel, seq);
  return { at, heads };
}
