import type { Incarnation, Placement } from '../runtime/ports/placement.ts';

/** The placement of a node without peers: every actor lives here. */
export function localPlacement(self: Incarnation): Placement {
  return { self, ownerOf: () => self, adopt: () => {} };
}
