import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'overtaken-by-who-was-admitted',
  what: 'A user is admitted while the home reads the membership: later messages overtake those that wait for the read.',
  file: 'actors/home/access.ts',
  edits: [
    {
      find: `    if (waiting && waiting.length >= WAITING_MAX) return this.#unavailable();
    if (waiting) return (waiting.push(next), 'waiting');
    const refusal = this.#refusal(by, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return refusal;
`,
      replace: `    const refusal = this.#refusal(by, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return refusal;
    if (waiting && waiting.length >= WAITING_MAX) return this.#unavailable();
    if (waiting) return (waiting.push(next), 'waiting');
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
