import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'relay-ends-without-goodbye',
  what: 'A relay that crashes leaves those present who had told only it that they went.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `      this.#tellExit(address, 'lost', out);
`,
      replace: ``,
    },
  ],
  seed: 7,
  invariant: 19,
};
