import type { LostReason } from '../../runtime/ports/effects.ts';
import type { Lease } from '../../runtime/ports/leases.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';

/** The start of a process and, behind a dash, the fingerprint of its cluster's secret; an incarnation is `{node}.{start}-{secret}`. */
function partsOf(incarnation: Incarnation): { readonly start: string; readonly secret: string | undefined } {
  const [start = '', secret] = incarnation.slice(incarnation.indexOf('.') + 1).split('-');
  return { start, secret };
}

interface Self {
  readonly node: string;
  readonly incarnation: Incarnation;
}

/**
 * Why this process must end: one that is older, and surely lives, has its node id, or another secret. Messages would not pass
 * between the two, and each would have channels. A process that leaves takes no homes any more, and is no reason.
 */
export function whyGiveWay(
  { node, incarnation }: Self,
  leases: readonly Lease[],
  surelyLives: (incarnation: Incarnation) => boolean,
): LostReason | undefined {
  const self = partsOf(incarnation);
  const older = leases.filter(
    (lease) =>
      lease.takesHomes && partsOf(lease.incarnation).start < self.start && surelyLives(lease.incarnation),
  );
  if (older.some((lease) => lease.node === node)) return 'node_taken';
  return older.some((lease) => partsOf(lease.incarnation).secret !== self.secret)
    ? 'other_secret'
    : undefined;
}
