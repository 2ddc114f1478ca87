import { describe, expect, test } from 'vitest';
import type { Address } from '../../src/runtime/ports/actor.ts';
import { type HeldCall, Program } from '../support/program.ts';

// A scope that a refresh takes away while something is under way (JW4), with every call of the store in our hands.

/** A private room `p` of bob's, with a message; and the calls of the store that are held back, by name. */
function world() {
  const program = new Program();
  const held: HeldCall[] = [];
  let names: readonly string[] = [];
  program.hook = (call) => names.includes(call.name) && held.push(call) > 0;
  const ask = (message: object): void => {
    program.system.ask('room:p' as Address<object>, message, { deadlineMs: 10_000, lane: 'user' }, () => {});
    program.settle();
  };
  ask({ type: 'create', creator: 'bob', access: 'private', members: [], metadata: '{}' });
  program.chat('p', 'secret');
  program.settle();
  return {
    program,
    held,
    hold: (...of: string[]) => void (names = of),
    answer: () => {
      names = [];
      for (const call of held.splice(0)) call.answer();
      program.settle();
    },
    refresh: (number: number, isAdmin = false) =>
      program.frame(number, {
        type: 'refresh',
        id: 'r',
        token: JSON.stringify(program.claims('root', isAdmin)),
      }),
    of: (number: number, id: string) => program.frames(number).find((frame) => frame.id === id),
    left: (number: number) => program.frames(number).filter(({ action }) => action === 'left'),
  };
}

describe('[JW4] a scope that is gone', () => {
  test('[JW4] a question that was asked with it and is answered later is asked again without it', () => {
    const { program, held, hold, answer, refresh, of } = world();
    const root = program.connect('root', true);
    hold('page', 'listRooms');
    program.frame(root, { type: 'history', id: 'h', room: 'p' });
    program.frame(root, { type: 'rooms', id: 'l' });
    expect(held.map(({ name }) => name)).toEqual(['page', 'listRooms']);
    refresh(root);
    answer();
    expect(of(root, 'h')).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(of(root, 'l')).toMatchObject({ type: 'rooms', rooms: [] });
  });

  test('[JW4] while the database cannot say who is a member, nothing more of the room is shown after 1 s', () => {
    const { program, hold, answer, refresh, left } = world();
    const root = program.connect('root', true);
    program.frame(root, { type: 'join', id: 'j', room: 'p' });
    hold('membership');
    refresh(root);
    program.advance(700);
    expect(left(root)).toEqual([]);
    program.advance(200);
    expect(left(root)).toMatchObject([{ room: 'p', data: { users: ['root'], reason: 'removed' } }]);
    answer();
    program.frame(root, { type: 'signal', id: 's', room: 'p', data: 1 });
    expect(program.frames(root).at(-1)).toMatchObject({ id: 's', code: 'not_joined' });
  });

  test('[JW4] the node does not tell a user who has a request under way that there is no right, while it cannot know', () => {
    const { program, hold, refresh, of, left } = world();
    const root = program.connect('root', true);
    program.frame(root, { type: 'join', id: 'j', room: 'p' });
    hold('membership', 'heads');
    refresh(root);
    program.frame(root, { type: 'join', id: 'again', room: 'p', since: 0 });
    program.advance(1_000);
    expect(left(root)).toHaveLength(1);
    expect(of(root, 'again')).toMatchObject({ type: 'error', code: 'unavailable', retryable: true });
  });

  test('[JW4] one that comes back in time is not held against it', () => {
    const { program, hold, answer, refresh, left } = world();
    const root = program.connect('root', true);
    program.frame(root, { type: 'join', id: 'j', room: 'p' });
    hold('membership');
    refresh(root);
    refresh(root, true);
    program.advance(2_000);
    answer();
    expect(left(root)).toEqual([]);
  });

  test.each(['heads', 'claim', 'rooms'])('[JW4] a join that is under way is refused: at %s', (name) => {
    const { program, held, hold, answer, refresh, of, left } = world();
    const root = program.connect('root', true);
    // A home that has just begun, and knows nothing; for the head alone it need not.
    if (name !== 'heads') program.tell('room:p', { type: 'boom' });
    hold(name);
    program.advance(name === 'heads' ? 0 : 1_000);
    // Behind a join no frame is taken: a refresh that came before it is decided meanwhile.
    const verdicts: (() => void)[] = [];
    program.world.heldVerdicts = verdicts;
    refresh(root);
    program.frame(root, { type: 'join', id: 'j', room: 'p', since: 0 });
    expect(held.length, name).toBeGreaterThan(0);
    for (const say of verdicts) say();
    program.settle();
    answer();
    expect([of(root, 'j')?.code, left(root).length, of(root, 'r')?.type]).toEqual(['forbidden', 0, 'ack']);
    program.frame(root, { type: 'signal', id: 's', room: 'p', data: 1 });
    expect(of(root, 's')).toMatchObject({ code: 'not_joined' });
  });
});
