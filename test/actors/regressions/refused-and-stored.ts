import type { PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'refused-and-stored',
  what: 'Who sends again what is stored, after the right was lost, is told that it is forbidden: so, not stored.',
  file: 'actors/home/intake.ts',
  edits: [
    {
      find: `outcomeUnknown(this.#limits));
      this.#refusals.refuse(sent, refusal, at, later);`,
      replace: `outcomeUnknown(this.#limits));
      later.reply(asker.replyTo, refusal);`,
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
