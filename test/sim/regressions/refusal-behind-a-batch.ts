import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'refusal-behind-a-batch',
  what: 'That a batch was refused is told to the relay behind what waits for it.',
  file: 'runtime/deliveries.ts',
  edits: [
    {
      find: `    cell.mailbox.unshift({ ...envelope(cell.address, message), life: cell.life });`,
      replace: `    cell.mailbox.push({ ...envelope(cell.address, message), life: cell.life }, 'system', undefined);`,
    },
  ],
  seed: 0,
  invariant: 0,
};
