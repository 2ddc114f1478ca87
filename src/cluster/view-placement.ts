import { ownerIn } from '../actors/kit/shards.ts';
import type { Incarnation, Placement, View } from '../runtime/ports/placement.ts';

/** The placement of a node of a cluster: by the view that it has adopted last (D11). The address of a home is its channel. */
export function viewPlacement(self: Incarnation): Placement {
  let adopted: View | undefined;
  return {
    self,
    ownerOf: (address) => adopted && ownerIn(adopted, address),
    adopt: (view) => {
      adopted = view;
    },
  };
}
