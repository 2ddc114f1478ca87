import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'head-before-announcement',
  what: 'The relay reads the head while it is not announced to the home yet: what is stored in between reaches nobody.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `    this.#enter(subscriber, 'enter', out);
  }`,
      replace: `    this.#askPlace(subscriber, out);
  }`,
    },
    {
      find: `    if (!subscriber.entered) return;
    if (!answer.ok`,
      replace: `    if (!subscriber.entered) {
      (subscriber as any).early = answer;
      return this.#enter(subscriber, 'enter', out);
    }
    if (!answer.ok`,
    },
    {
      find: `    // The head is read after the home knows of us`,
      replace: `    if ((subscriber as any).early) return this.#headRead(subscriber, (subscriber as any).early, 0, out);
    if (subscriber) return;
    // The head is read after the home knows of us`,
    },
  ],
  invariant: 5,
  scenario: (Program) => {
    const p = new Program();
    p.chat('r', 'm1');
    const ann = p.connect('ann');
    const heads: HeldCall[] = [];
    p.hook = (call) => call.name === 'heads' && heads.push(call) > 0;
    p.frame(ann, { type: 'join', id: 'j', room: 'r' });
    // Read, and not answered yet, as another message is stored.
    heads[0]?.commit();
    p.chat('r', 'm2');
    p.settle();
    p.hook = undefined;
    for (const call of heads) call.answer();
    p.settle();
    return p
      .frames(ann)
      .flatMap(({ type, id, seq }) => (type === 'chat' || id === 'j' ? [`${id} ${seq}`] : []));
  },
  // What it is told begins behind m2, or with it; else m2 reaches it never.
  sound: ['j 2'],
  broken: ['j 1'],
};
