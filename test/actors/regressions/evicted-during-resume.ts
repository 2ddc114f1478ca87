import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'evicted-during-resume',
  what: 'A user who is removed from a channel during a resume gets the answer that the channel is on.',
  file: 'actors/connection/subscriptions.ts',
  edits: [
    {
      find: `    this.#resume?.evicted(channel, error);
`,
      replace: ``,
    },
  ],
  invariant: 5,
  scenario: (Program) => {
    const p = new Program();
    p.chat('r', 'first');
    p.settle();
    const ann = p.connect('ann');
    let other: HeldCall | undefined;
    p.hook = (call) => call.name === 'rooms' && (other = call) !== undefined;
    p.frame(ann, { type: 'resume', id: 'r', channels: { 'room:r': 1, 'room:other': 0 } });
    // The one room is known, and the other one's home still reads its record.
    p.tell('room:r', { type: 'delete' });
    p.settle();
    p.hook = undefined;
    other?.answer();
    p.settle();
    return p.frames(ann).find(({ id }) => id === 'r').channels;
  },
  sound: { 'room:r': { error: 'gone' }, 'room:other': { seq: 0 } },
  broken: { 'room:r': { seq: 1 }, 'room:other': { seq: 0 } },
};
