import type { Lease } from '../../runtime/ports/leases.ts';
import type { Incarnation, View } from '../../runtime/ports/placement.ts';
import { holders, SHARDS, targetsOf } from '../kit/shards.ts';

/** How many shards a node hands over at a time (D11). */
const HAND_OVER_MAX = 64;

export interface Situation {
  readonly self: Incarnation;
  readonly takesHomes: boolean;
  /** All other processes that are not dead. */
  readonly others: readonly Lease[];
  /** Messages of other nodes do not reach the process: it should have no shards. */
  readonly isGrey: (incarnation: Incarnation) => boolean;
  readonly view: View | null;
  /** Processes that the view names, and that have come after the last look: they are not dead. */
  readonly unseen: readonly Incarnation[];
  /** The nodes have been the same for a while, as it was seen just now: so shards may move to where they belong. */
  readonly isSettled: boolean;
}

/** The processes that may have shards. */
export function homesOf(
  situation: Pick<Situation, 'self' | 'takesHomes' | 'others' | 'isGrey'>,
): Incarnation[] {
  const { self, takesHomes, others, isGrey } = situation;
  const nodes = others.filter((lease) => lease.takesHomes).map(({ incarnation }) => incarnation);
  return (takesHomes ? [...nodes, self] : nodes).filter((node) => !isGrey(node)).toSorted();
}

/**
 * What a node has to change in the view, or undefined: each shard's process after the change (D11).
 *
 * - Shards of the dead go where they belong, all at once. Any node that may have shards, or has some, assigns them. So do those
 *   of a node that others do not hear.
 * - A node hands over what it has and what belongs elsewhere, some shards at a time: at once if it leaves, else when the nodes
 *   have been the same for a while. No other node takes a shard from a living one.
 */
export function changeOf(situation: Situation): readonly Incarnation[] | undefined {
  const { self, takesHomes, others, isGrey, unseen, view, isSettled } = situation;
  const homes = homesOf(situation);
  const before = holders(view);
  const has = before.includes(self);
  if (homes.length === 0 || !(takesHomes || has)) return undefined;
  const target = targetsOf(homes) as (shard: number) => Incarnation;
  const living = new Set([...others.map(({ incarnation }) => incarnation), ...unseen, self]);
  const isOrphan = before.map((holder) => holder === undefined || !living.has(holder) || isGrey(holder));
  let left = isOrphan.includes(true) || !(isSettled || !takesHomes) ? 0 : HAND_OVER_MAX;
  let hasChanged = false;
  const after = Array.from({ length: SHARDS }, (_, shard) => {
    const holder = before[shard];
    const goes = isOrphan[shard] || (holder === self && left > 0 && target(shard) !== self);
    if (!goes && holder !== undefined) return holder;
    if (!isOrphan[shard]) left--;
    hasChanged = true;
    return target(shard);
  });
  return hasChanged ? after : undefined;
}
