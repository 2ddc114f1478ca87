import type { PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'log-overtakes-what-it-lost',
  what: 'After a crash the log stores entries that came after some that it has lost.',
  file: 'actors/log/group-commit.ts',
  edits: [
    {
      find: `    const isBehindLost = this.#granted !== undefined && this.#granted.get(channel) !== epoch;`,
      replace: `    const isBehindLost = false;`,
    },
  ],
  invariant: 8,
  scenario: (Program) => {
    const p = new Program();
    p.chat('r', 'first');
    p.settle();
    // The statement vanishes, and with the crash the log has forgotten it.
    p.hook = (call) => call.name === 'append';
    p.chat('r', 'A');
    p.settle();
    p.hook = undefined;
    p.tell('log', { type: 'boom' });
    p.chat('r', 'B');
    p.advance(5_000);
    return p.log('r');
  },
  sound: ['1:first', '2:A', '3:B'],
  broken: ['1:first', '2:B', '3:A'],
};
