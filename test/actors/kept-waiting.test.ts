import { describe, expect, test } from 'vitest';
import type { HookName, HookQuestion, HookReply } from '../../src/runtime/ports/hooks.ts';
import { Program } from '../support/program.ts';

// What is asked of the application takes its time, and rights may be others by then (JW4, JW5, JW7).

type Asked = { readonly question: HookQuestion; readonly say: (answer: unknown) => void };

/** A private room `p` of bob's, whose application answers when the test says so. */
async function world(hooks: readonly HookName[], roomsCreate: 'users' | 'admins' = 'users') {
  const program = new Program({
    hooks: { asked: new Set(hooks), deadlineMs: 5_000 },
    roomsCreate,
  });
  const asked: Asked[] = [];
  program.world.ports.hooks.ask = (question, _deadlineMs, done: (reply: HookReply) => void) =>
    void asked.push({
      question,
      say: (answer) => {
        done({ type: 'answered', json: JSON.stringify(answer) });
        program.settle();
      },
    });
  const tell = async (to: string, message: object): Promise<unknown> => {
    const told = program.ask(to, message);
    program.settle();
    return told;
  };
  const create = { type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' };
  await tell('room:p', create);
  const claims = (user: string, isAdmin = false, payload = isAdmin ? '{"scope":"vagus:admin"}' : '{}') => ({
    ...program.claims(user, isAdmin),
    payload,
    checkedAt: program.world.clock.wall() - 1,
  });
  return {
    program,
    asked,
    tell,
    connect: (...of: Parameters<typeof claims>) => {
      const number = program.inbox.opened(claims(...of));
      program.settle();
      return number;
    },
    refresh: (number: number, ...of: Parameters<typeof claims>) =>
      program.frame(number, { type: 'refresh', id: 'r', token: JSON.stringify(claims(...of)) }),
    chat: (number: number, id: string) => program.frame(number, { type: 'chat', id, room: 'p', content: id }),
    /** What was said to a request. */
    of: (number: number, id: string) => program.frames(number).find((frame) => frame.id === id),
  };
}

const hooks: HookName[] = ['authorize', 'beforeMessage'];

describe.each(hooks)('a message that waits for %s', (hook) => {
  test('[JW4] is judged with what the token grants by then, not with what it was sent with', async () => {
    const { program, asked, connect, refresh, chat, of } = await world([hook]);
    const root = connect('root', true);
    chat(root, 'a');
    expect(asked).toHaveLength(1);
    refresh(root, 'root', false);
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    expect(of(root, 'a')).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(program.log('p')).toEqual([]);
  });

  test('[JW4] is stored by whom a refresh has made an admin meanwhile, and by a member whose scope is gone', async () => {
    const { asked, connect, refresh, chat, of } = await world([hook]);
    const ann = connect('ann', true);
    chat(ann, 'a');
    refresh(ann, 'ann', false);
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    expect(of(ann, 'a')).toMatchObject({ type: 'ack', seq: 1 });
  });

  test.each<[string, object, string]>([
    [
      'sessions are ended',
      { type: 'revoke', user: 'ann', session: null, before: null, isLasting: false },
      'sessions',
    ],
    ['membership is taken', { type: 'setMember', user: 'ann', isMember: false }, 'room:p'],
    ['ban has begun', { type: 'ban', user: 'ann', until: null }, 'room:p'],
  ])('[JW4] [JW5] [JW7] is not stored when its sender’s %s meanwhile', async (_, message, to) => {
    const { program, asked, tell, connect, chat } = await world([hook]);
    chat(connect('ann'), 'a');
    expect(await tell(to, message)).toMatchObject({ ok: true });
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    program.advance(20_000);
    expect(program.log('p')).toEqual([]);
  });

  test('[DG4] is stored though its sender has left since', async () => {
    const { program, asked, connect, chat } = await world([hook]);
    const ann = connect('ann');
    chat(ann, 'a');
    program.inbox.closed(ann, 1_000);
    program.settle();
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    expect(program.log('p')).toEqual(['1:a']);
  });

  test('[JW4] [DG7] is judged when its turn comes, behind what the same user sent before', async () => {
    const { program, asked, connect, refresh, chat, of } = await world([hook]);
    const root = connect('root', true);
    chat(root, 'a');
    chat(root, 'b');
    asked[1]?.say(true);
    refresh(root, 'root', false);
    for (let n = 0; n < asked.length; n++) if (n !== 1) asked[n]?.say(true);
    expect(['a', 'b'].map((id) => of(root, id)?.code)).toEqual(['forbidden', 'forbidden']);
    expect(program.log('p')).toEqual([]);
  });
});

describe('a message that waits for both', () => {
  test('[JW4] [JW6] is asked about once more with the token of by then', async () => {
    const { asked, connect, refresh, chat, of } = await world(hooks);
    const ann = connect('ann', false, '{"team":1}');
    chat(ann, 'a');
    asked[0]?.say(true);
    refresh(ann, 'ann', false, '{"team":2}');
    expect(asked.map(({ question }) => question.hook)).toEqual(['authorize', 'beforeMessage']);
    asked[1]?.say({ change: { content: 'A' } });
    expect(asked[2]?.question).toMatchObject({ hook: 'authorize', action: 'send', claims: '{"team":2}' });
    asked[2]?.say(true);
    expect(of(ann, 'a')).toMatchObject({ type: 'ack', seq: 1 });
    expect(asked).toHaveLength(3);
  });

  test.each<[string, object]>([
    ['of the user', { user: 'ann', room: undefined }],
    ['of the room', { user: undefined, room: 'p' }],
    ['of both', { user: 'ann', room: 'p' }],
    ['of everything', { user: undefined, room: undefined }],
  ])('[JW6] is asked about once more after a recheck %s', async (_, which) => {
    const { program, asked, tell, connect, chat, of } = await world(hooks);
    const ann = connect('ann');
    chat(ann, 'a');
    asked[0]?.say(true);
    program.advance(10);
    await tell('hooks', { type: 'recheck', ...which });
    asked[1]?.say(true);
    expect(asked[2]?.question).toMatchObject({ hook: 'authorize', action: 'send' });
    asked[2]?.say(false);
    expect(of(ann, 'a')).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(program.log('p')).toEqual([]);
  });

  test('[JW6] a recheck of another user, or of another room, does not touch it', async () => {
    const { program, asked, tell, connect, chat, of } = await world(hooks);
    const ann = connect('ann');
    chat(ann, 'a');
    asked[0]?.say(true);
    program.advance(10);
    await tell('hooks', { type: 'recheck', user: 'eve', room: undefined });
    await tell('hooks', { type: 'recheck', user: 'ann', room: 'q' });
    asked[1]?.say(true);
    expect(of(ann, 'a')).toMatchObject({ type: 'ack', seq: 1 });
  });
});

describe('another request that waits for authorize', () => {
  test.each<[string, object]>([
    ['history', { type: 'history', room: 'p' }],
    ['presence', { type: 'presence', room: 'p' }],
    ['join', { type: 'join', room: 'p' }],
  ])('[JW4] %s is judged with what the token grants by then', async (_, frame) => {
    const { program, asked, connect, refresh, of } = await world(['authorize']);
    const root = connect('root', true);
    // Behind a join no frame is taken: a refresh that came before it is decided meanwhile.
    const verdicts: (() => void)[] = [];
    program.world.heldVerdicts = verdicts;
    refresh(root, 'root', false);
    program.frame(root, { ...frame, id: 'x' });
    expect(asked).toHaveLength(1);
    for (const say of verdicts) say();
    program.settle();
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    expect(of(root, 'x')).toMatchObject({ type: 'error', code: 'forbidden' });
  });

  test('[JW4] a signal goes nowhere once the room is lost', async () => {
    const { program, asked, connect, refresh, of } = await world(['authorize']);
    const root = connect('root', true);
    const ann = connect('ann');
    for (const number of [root, ann]) program.frame(number, { type: 'join', id: 'j', room: 'p' });
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    const before = asked.length;
    program.frame(root, { type: 'signal', id: 's', room: 'p', data: 1 });
    refresh(root, 'root', false);
    program.advance(1_000);
    for (let n = before; n < asked.length; n++) asked[n]?.say(true);
    expect(of(root, 's')).toMatchObject({ code: 'not_joined' });
    expect(program.frames(ann).filter(({ action }) => action === 'signal')).toEqual([]);
  });

  test('[JW4] [RQ8] a room that only admins may make is refused to a sender who is no admin any more', async () => {
    const { program, asked, connect, refresh, of } = await world(['authorize'], 'admins');
    const root = connect('root', true);
    program.frame(root, { type: 'create', id: 'c', room: 'q', access: 'public' });
    refresh(root, 'root', false);
    for (let n = 0; n < asked.length; n++) asked[n]?.say(true);
    expect(of(root, 'c')).toMatchObject({ type: 'error', code: 'forbidden' });
  });

  test('[JW5] no room is made for a user whose sessions have ended', async () => {
    const { program, asked, tell, connect } = await world(['authorize']);
    program.frame(connect('ann'), { type: 'create', id: 'c', room: 'q', access: 'public' });
    await tell('sessions', { type: 'revoke', user: 'ann', session: null, before: null, isLasting: false });
    asked[0]?.say(true);
    const bob = connect('bob', true);
    program.frame(bob, { type: 'rooms', id: 'l' });
    expect(program.frames(bob).at(-1)).toMatchObject({ rooms: [{ room: 'p' }] });
  });
});
