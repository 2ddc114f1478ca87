import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'overtaken-by-who-was-admitted',
  what: 'While a membership is being read its user is admitted: what he sends then overtakes what waits for the reading.',
  file: 'actors/home/access.ts',
  edits: [
    {
      find: `    if (waiting && waiting.length >= WAITING_MAX) return then(this.#unavailable(), turn, out);
    if (waiting) return void waiting.push({ actor, decide: then });
    const refusal = this.#refusal(actor, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return then(refusal, turn, out);
`,
      replace: `    const refusal = this.#refusal(actor, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return then(refusal, turn, out);
    if (waiting && waiting.length >= WAITING_MAX) return then(this.#unavailable(), turn, out);
    if (waiting) return void waiting.push({ actor, decide: then });
`,
    },
  ],
  invariant: 8,
  scenario: (Program) => {
    const p = new Program();
    void p.ask('room:r', { type: 'create', creator: 'bob', access: 'private', members: [], metadata: '{}' });
    const ann = p.connect('ann');
    let lookup: HeldCall | undefined;
    p.hook = (call) => call.name === 'membership' && (lookup = call) !== undefined;
    p.frame(ann, { type: 'chat', id: 'A', room: 'r', content: 'first' });
    p.tell('room:r', { type: 'setMember', user: 'ann', isMember: true });
    p.settle();
    p.frame(ann, { type: 'chat', id: 'B', room: 'r', content: 'second' });
    p.hook = undefined;
    lookup?.answer();
    p.settle();
    return p.log('r');
  },
  sound: ['1:A', '2:B'],
  broken: ['1:B', '2:A'],
};
