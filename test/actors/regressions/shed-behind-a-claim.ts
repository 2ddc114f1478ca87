import type { HeldCall } from '../../support/program.ts';
import { ONE_WAITS, type PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'shed-behind-a-claim',
  what: 'The home appends entries again that the log still has under the epoch before; they are shed and fail as unstored.',
  file: 'actors/home/channel-writer.ts',
  edits: [
    {
      find: `      this.#pending.doubtAll(this.#head);
      this.#adopt(claimed, out);
`,
      replace: `      this.#adopt(claimed, out);
`,
    },
  ],
  invariant: 6,
  scenario: (Program) => {
    const p = new Program(ONE_WAITS);
    for (const room of ['r', 'x']) p.chat(room, 'first');
    p.settle();
    const held: Record<string, HeldCall> = {};
    p.hook = (call) => {
      if (call.name === 'append' || call.name === 'deleteRoom') held[call.name] ??= call;
      return call.name === 'append' || call.name === 'deleteRoom';
    };
    // Stored, and its answer is on its way; behind it one message waits, and there is no room for another.
    p.chat('r', 'A');
    p.settle();
    held['append']?.commit();
    p.chat('x', 'more');
    p.settle();
    // What became of a deletion is unknown, so the room is claimed anew while its statement is under way.
    void p.ask('room:r', { type: 'delete' });
    p.settle();
    held['deleteRoom']?.fail('unknown');
    p.settle();
    p.hook = undefined;
    held['append']?.answer();
    p.advance(5_000);
    return { said: p.said('A'), log: p.log('r') };
  },
  sound: { said: [2], log: ['1:first', '2:A'] },
  broken: { said: ['unavailable'], log: ['1:first', '2:A'] },
};
