import type { Mutant } from './plant.ts';

export const mutant: Mutant = {
  name: 'deaf-node-keeps-homes',
  what: 'The homes of a node that alone hears nothing from others stay there.',
  file: 'actors/node/view-plan.ts',
  edits: [
    {
      find: `!living.has(holder) || isGrey(holder)`,
      replace: `!living.has(holder)`,
    },
  ],
  nodes: 2,
  faults: 'net-deaf',
  seed: 2,
  invariant: 17,
};
