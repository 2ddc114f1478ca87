import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'home-reborn-in-between',
  what: 'A new generation of a home does not learn of users whom the one before had just admitted.',
  file: 'actors/relay/enter-requests.ts',
  edits: [
    {
      find: `      if (subscriber.entered) this.add(subscriber, 'reenter', out);`,
      replace: `      if (subscriber.isIn) this.add(subscriber, 'reenter', out);`,
    },
  ],
  invariant: 16,
  scenario: (Program) => {
    const p = new Program();
    const [ann, bob] = [p.connect('ann'), p.connect('bob')];
    p.frame(bob, { type: 'join', id: 'j', room: 'r' });
    let heads: HeldCall | undefined;
    p.hook = (call) => call.name === 'heads' && (heads = call) !== undefined;
    p.frame(ann, { type: 'join', id: 'j', room: 'r', since: 0 });
    // Its home has let her in, and the relay reads how far the log goes.
    p.tell('room:r', { type: 'boom' });
    p.advance(1_000);
    p.hook = undefined;
    heads?.answer();
    p.settle();
    return p.present(bob, 'r');
  },
  sound: ['ann', 'bob'],
  broken: ['bob'],
};
