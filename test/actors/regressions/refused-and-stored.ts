import type { PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'refused-and-stored',
  what: 'A user who repeats a stored message after the loss of the right gets forbidden, which means: not stored.',
  file: 'actors/home/publish-pipeline.ts',
  edits: [
    {
      find: `  duplicates.refuse(next.sent, refusal, turn, out);`,
      replace: `  out.reply(asker.replyTo, refusal);`,
    },
  ],
  invariant: 6,
  scenario: (Program) => {
    const p = new Program();
    void p.ask('room:r', {
      type: 'create',
      creator: 'bob',
      access: 'private',
      members: ['ann'],
      metadata: '{}',
    });
    const [ann, again] = [p.connect('ann'), p.connect('ann')];
    const message = { type: 'chat', id: 'A', room: 'r', content: 'hello' };
    p.frame(ann, message);
    p.tell('room:r', { type: 'setMember', user: 'ann', isMember: false });
    p.settle();
    p.frame(again, message);
    const { type, seq, code } = p.frames(again).at(-1);
    return { type, seq, code };
  },
  sound: { type: 'ack', seq: 1 },
  broken: { type: 'error', code: 'forbidden' },
};
