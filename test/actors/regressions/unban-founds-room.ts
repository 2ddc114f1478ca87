import type { PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'unban-founds-room',
  what: 'An unban in a room without a record is taken for one that has made it.',
  file: 'actors/home/room-commands.ts',
  edits: [
    {
      find: `if (change.type === 'ban' && access.record === null) {`,
      replace: `if (access.record === null) {`,
    },
  ],
  invariant: 4,
  scenario: (Program) => {
    const p = new Program();
    void p.ask('room:r', { type: 'unban', user: 'ann' });
    p.settle();
    p.chat('r', 'm1');
    p.settle();
    let hasRecord: boolean | undefined;
    p.world.store.call('rooms', { rooms: ['r'] }, 0, (reply) => {
      hasRecord = reply.ok && reply.value.records.has('r');
    });
    return { log: p.log('r'), hasRecord };
  },
  // A room with a message and without a record is a lost one: its readers are put off.
  sound: { log: ['1:m1'], hasRecord: true },
  broken: { log: ['1:m1'], hasRecord: false },
};
