import type { PastBug } from '../../support/past-bug.ts';
import type { HeldCall } from '../../support/program.ts';

export const bug: PastBug = {
  name: 'ghost-of-a-slow-lookup',
  what: 'Who leaves while his right is being looked up comes in afterwards.',
  file: 'actors/home/room.ts',
  edits: [
    {
      find: `      if (!entering) return later.reply(replyTo, GONE_MEANWHILE);
`,
      replace: ``,
    },
    {
      find: `      if (entering !== device) return`,
      replace: `      if (entering && entering !== device) return`,
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
