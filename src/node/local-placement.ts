import type { Incarnation, Placement } from '../runtime/ports/placement.ts';

/** Of a node that is alone: everything lives here. */
export function localPlacement(self: Incarnation): Placement {
  return { self, ownerOf: () => self };
}
