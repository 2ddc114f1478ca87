import type { PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'late-resume-names-no-gap',
  what: 'A resume that comes when the channel is on already does not name the gap before it.',
  file: 'actors/connection/channel-table.ts',
  edits: [
    {
      find: `    return position.seq < after ? { ...already, gap: { from: position.seq + 1, to: after } } : already;`,
      replace: `    return after < 0 ? { ...already } : already;`,
    },
  ],
  invariant: 4,
  scenario: (Program) => {
    const p = new Program();
    for (const id of ['A', 'B', 'C']) p.chat('r', id);
    p.settle();
    const ann = p.connect('ann');
    p.frame(ann, { type: 'join', id: 'j', room: 'r' });
    p.frame(ann, { type: 'resume', id: 'r', channels: { 'room:r': 1 } });
    return p.frames(ann).at(-1).channels;
  },
  sound: { 'room:r': { seq: 3, already: true, gap: { from: 2, to: 3 } } },
  broken: { 'room:r': { seq: 3, already: true } },
};
