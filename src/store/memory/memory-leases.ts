import type { Channel } from '../../protocol/channels.ts';
import type { Lease, LeaseCalls } from '../../runtime/ports/leases.ts';
import type { View } from '../../runtime/ports/placement.ts';
import { byBytes } from './by-bytes.ts';
import { replace } from './snapshot.ts';

/** The leases of processes, and the view, as plain data. `wall` is the database's clock. */
export class MemoryLeases {
  readonly #wall: () => number;
  readonly #leases = new Map<string, Lease>();
  #view: View | null = null;
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

  get view(): View | null {
    return this.#view;
  }

  /** Fails over to another server, which has these. */
  failOver(leases: ReadonlyMap<string, Lease>, view: View | null): void {
    replace(this.#leases, leases);
    this.#view = view;
    this.#timeline++;
  }

  renew(request: LeaseCalls['renew']['request']): Omit<LeaseCalls['renew']['reply'], 'losses'> {
    const { incarnation, node, mode, takesHomes = false, isHeard = true } = request;
    const leases = [...this.#leases.values()]
      .filter((lease) => lease.incarnation !== incarnation)
      .toSorted((a, b) => byBytes(a.incarnation, b.incarnation));
    const known = this.#leases.get(incarnation);
    const isHeld = known ? !known.isDead : mode === 'take';
    const beats = known ? known.beats + 1 : 0;
    if (isHeld)
      this.#leases.set(incarnation, { incarnation, node, beats, isDead: false, takesHomes, isHeard });
    const { timeline } = this;
    const view = this.#view && { version: this.#view.version, stamp: this.#view.stamp };
    return { isHeld, leases, at: Math.floor(this.#wall()), timeline, isInRecovery: false, view };
  }

  declareDead({ leases }: LeaseCalls['declareDead']['request']): null {
    for (const { incarnation, beats } of leases) {
      const known = this.#leases.get(incarnation);
      if (known && (beats ?? known.beats) === known.beats)
        this.#leases.set(incarnation, { ...known, isDead: true });
    }
    return null;
  }

  changeView({ before, view }: LeaseCalls['changeView']['request']): boolean {
    const { version, stamp } = this.#view ?? {};
    if (version !== before?.version || stamp !== before?.stamp) return false;
    this.#view = view;
    return true;
  }

  /** Whether the view names a living process for the shard. */
  isPlaced(shard: number, incarnation: string): boolean {
    const lease = this.#leases.get(incarnation);
    if (!this.#view || !lease || lease.isDead) return false;
    return this.#view.nodes[this.#view.shards[shard] ?? -1] === incarnation;
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
