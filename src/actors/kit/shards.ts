import type { Incarnation, View } from '../../runtime/ports/placement.ts';

/** The channels of the cluster are in this many shards. It never changes within a major version (D11). */
export const SHARDS = 1_024;

/** FNV-1a over UTF-16 code units, then a mix of all bits (the finalizer of MurmurHash3). */
function hash(text: string, seed: number): number {
  let bits = seed;
  for (let at = 0; at < text.length; at++) bits = Math.imul(bits ^ text.charCodeAt(at), 0x01_00_01_93);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85_eb_ca_6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2_b2_ae_35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const BASIS = 0x81_1c_9d_c5;

/** The shard of a channel, from 0 to {@link SHARDS} − 1. All nodes of a cluster compute the same. */
export function shardOf(channel: string): number {
  return hash(channel, BASIS) % SHARDS;
}

/** The process that a view names for a channel. */
export function ownerIn(view: View, channel: string): Incarnation | undefined {
  return holderOf(view, shardOf(channel));
}

/** The process that a view names for a shard. */
function holderOf({ nodes, shards }: View, shard: number): Incarnation | undefined {
  return nodes[shards[shard] ?? -1];
}

/**
 * Where each shard belongs among these processes, by rendezvous hashing: a process that comes or goes moves only the shards
 * that it gets, or had (Thaler and Ravishankar, 1998).
 */
export function targetsOf(processes: readonly Incarnation[]): (shard: number) => Incarnation | undefined {
  const seeds = processes.map((process) => ({ process, seed: hash(process, BASIS) }));
  return (shard) => {
    let best: { readonly process: Incarnation; readonly weight: number } | undefined;
    for (const { process, seed } of seeds) {
      const weight = hash(String(shard), seed);
      if (!best || weight > best.weight || (weight === best.weight && process < best.process))
        best = { process, weight };
    }
    return best?.process;
  };
}

/** A view's shards, by the process that has each. A shard without a process is with `undefined`. */
export function holders(view: View | null): (Incarnation | undefined)[] {
  return Array.from({ length: SHARDS }, (_, shard) => (view ? holderOf(view, shard) : undefined));
}

/** The next view: these processes have the shards. Each shard has one. */
export function nextView(before: View | null, byShard: readonly Incarnation[], stamp: string): View {
  const nodes = [...new Set(byShard)].toSorted();
  const places = new Map(nodes.map((node, at) => [node, at]));
  return {
    version: (before?.version ?? 0) + 1,
    stamp,
    nodes,
    shards: byShard.map((node) => places.get(node) as number),
  };
}

/**
 * The shards whose homes have begun anew elsewhere, as far as `self` can tell. If it has not seen the view between, any shard of
 * another process may have gone and come back.
 */
export function movedShards(before: View | undefined, after: View, self: Incarnation): ReadonlySet<number> {
  const isNext = before !== undefined && after.version === before.version + 1;
  const moved = new Set<number>();
  for (let shard = 0; shard < SHARDS; shard++) {
    const holder = holderOf(after, shard);
    const isSame = before !== undefined && holderOf(before, shard) === holder;
    if (!isSame || !(isNext || holder === self)) moved.add(shard);
  }
  return moved;
}
