import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'head-before-announcement',
  what: 'The relay reads the head before the home knows it: entries that are stored in between reach no client.',
  file: 'actors/relay/relay.ts',
  edits: [
    {
      find: `    this.#requests.add(subscriber, 'enter', out);
  }`,
      replace: `    this.#askPlace(subscriber, out);
  }`,
    },
    {
      find: `    if (!answer.ok || !answer.body.ok) {
      if (!subscriber.isIn)`,
      replace: `    if (!subscriber.entered) {
      (subscriber as any).early = answer;
      return this.#requests.add(subscriber, 'enter', out);
    }
    if (!answer.ok || !answer.body.ok) {
      if (!subscriber.isIn)`,
    },
    {
      find: `    // The home names the head`,
      replace: `    if ((subscriber as any).early) return this.#headRead(subscriber, (subscriber as any).early, 0, out);
    if (subscriber) return;
    // The home names the head`,
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
  // It is told where it begins, and of m2 if that comes later; else m2 reaches it never.
  sound: ['j 1', 'm2 2'],
  broken: ['j 1'],
};
