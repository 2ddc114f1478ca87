import type { Mutant } from '../mutants/plant.ts';

export const mutant: Mutant = {
  name: 'breaker-refuses-what-is-behind',
  what: 'With the breaker open the log gives back what waits behind a statement that is under way.',
  file: 'actors/log/log.ts',
  edits: [
    {
      find: `        return this.#appends.add(message, out);`,
      replace: `        return this.#breaker.isOpen
          ? out.tell(message.channel as never, { type: 'appended', results: [{ serial: message.serial, epoch: message.epoch, outcome: { type: 'failed' } }] } as never)
          : this.#appends.add(message, out);`,
    },
  ],
  seed: 0,
  invariant: 0,
};
