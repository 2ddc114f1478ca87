import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'ghost-of-a-slow-lookup',
  what: 'A user who leaves while the home looks up the right comes in afterwards.',
  file: 'actors/home/joins.ts',
  edits: [
    {
      find: `  if (!current) return LEFT_MEANWHILE;
`,
      replace: ``,
    },
    {
      find: `  if (current !== device) return`,
      replace: `  if (current && current !== device) return`,
    },
  ],
  invariant: 16,
  scenario: (Program) => {
    const p = new Program();
    // Before there is a home, so that it knows nothing of its members.
    const room = { creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' } as const;
    p.world.store.call('createRoom', { room: 'r', ...room }, 0, () => {});
    const [ann, bob] = [p.connect('ann'), p.connect('bob')];
    p.frame(bob, { type: 'join', id: 'j', room: 'r' });
    let lookup: HeldCall | undefined;
    p.hook = (call) => call.name === 'membership' && (lookup = call) !== undefined;
    p.frame(ann, { type: 'join', id: 'j', room: 'r' });
    p.inbox.closed(ann, 1000);
    p.settle();
    p.hook = undefined;
    lookup?.answer();
    p.settle();
    return p.present(bob, 'r');
  },
  sound: ['bob'],
  broken: ['ann', 'bob'],
};
