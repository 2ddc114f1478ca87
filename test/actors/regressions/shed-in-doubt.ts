import type { HeldCall } from '../../support/program.ts';
import { ONE_WAITS, type PastBug } from '../../support/past-bug.ts';

export const bug: PastBug = {
  name: 'shed-in-doubt',
  what: 'A message in doubt for which the log has no room at the second append fails as unstored.',
  file: 'actors/home/channel-writer.ts',
  edits: [
    {
      find: `          if (mayBeStored(pending)) isDoubted = true;
          else this.#pending.answer(pending, this.unavailable(), out);`,
      replace: `          this.#pending.answer(pending, this.unavailable(), out);`,
    },
  ],
  invariant: 6,
  scenario: (Program) => {
    const p = new Program(ONE_WAITS);
    for (const room of ['r', 'x', 'y']) p.chat(room, 'first');
    p.settle();
    const held: Record<string, HeldCall> = {};
    p.hook = (call) => {
      if (call.name === 'append') held[call.request.appends[0].channel] = call;
      if (call.name === 'claim') held['claim'] = call;
      return call.name === 'append' || call.name === 'claim';
    };
    p.chat('r', 'A');
    p.settle();
    held['room:r']?.commit().fail('unknown');
    p.settle();
    // One statement is under way and one message waits: there is no room for another.
    for (const room of ['x', 'y']) {
      p.chat(room, 'more');
      p.settle();
    }
    held['claim']?.answer();
    p.settle();
    p.hook = undefined;
    held['room:x']?.answer();
    p.advance(5_000);
    return { said: p.said('A'), log: p.log('r') };
  },
  sound: { said: [2], log: ['1:first', '2:A'] },
  broken: { said: ['unavailable'], log: ['1:first', '2:A'] },
};
