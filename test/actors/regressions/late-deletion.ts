import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'late-deletion',
  what: 'A deletion with an unknown outcome removes messages that were stored after it failed.',
  file: 'store/memory/memory-log-store.ts',
  edits: [
    {
      find: `      if (row ? row.epoch !== epoch || row.owner !== owner : epoch !== 0) return null;
`,
      replace: ``,
    },
  ],
  invariant: 9,
  scenario: (Program) => {
    const p = new Program();
    p.chat('r', 'first');
    p.settle();
    let deletion: HeldCall | undefined;
    p.hook = (call) => call.name === 'deleteRoom' && (deletion = call) !== undefined;
    void p.ask('room:r', { type: 'delete' });
    p.settle();
    deletion?.fail('unknown');
    p.settle();
    p.chat('r', 'A');
    p.settle();
    // The database carries it out all the same, and nobody hears of it.
    deletion?.commit();
    let isDeleted: boolean | undefined;
    p.world.store.call('rooms', { rooms: ['r'] }, 0, (reply) => {
      if (reply.ok) isDeleted = reply.value.records.get('r')?.isDeleted;
    });
    return { said: p.said('A'), isDeleted };
  },
  sound: { said: [2], isDeleted: false },
  broken: { said: [2], isDeleted: true },
};
