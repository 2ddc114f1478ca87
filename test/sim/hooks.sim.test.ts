import { describe, expect, test } from 'vitest';
import type { HookQuestion, MessageQuestion } from '../../src/runtime/ports/hooks.ts';
import { Random } from '../../src/sim/kit/random.ts';
import { later, type SimApplication } from '../../src/sim/ports/sim-hooks.ts';
import { Scenario, type ScenarioOptions } from '../support/scenario.ts';

// An application with a say in joins and messages, on virtual time. Every invariant is checked meanwhile; each for many seeds.

const SEEDS = Array.from({ length: 20 }, (_, at) => at + 1);
const each = (run: (seed: number) => void): void => SEEDS.forEach(run);

const BOTH = { asked: new Set(['authorize', 'beforeMessage'] as const), deadlineMs: 1_000 };

function asked(seed: number, application: SimApplication, options: ScenarioOptions = {}): Scenario {
  return new Scenario(seed, { hooks: BOTH, application, ...options });
}

/** Only messages are the application's affair. */
const onMessages =
  (say: (question: MessageQuestion) => unknown) =>
  (question: HookQuestion): unknown =>
    question.hook === 'beforeMessage' ? say(question) : true;

const chat = (content: string, more: object = {}) => ({ type: 'chat', room: 'a', content, ...more });

describe('messages', () => {
  test('[DG7] are stored in the order sent, however late an answer; users do not wait for each other', () => {
    each((seed) => {
      const random = new Random(seed, 'hook');
      const slow = onMessages(({ user }) => later(user === 'bob' ? 1 : random.whole(0, 900), true));
      const scenario = asked(seed, slow);
      const ann = scenario.connect('ann');
      const bob = scenario.connect('bob');
      ann.request({ type: 'join', room: 'a' });
      // Fewer than any seed's log sheds when they come all at once.
      for (let n = 0; n < 12; n++) ann.send(chat(`ann ${n}`));
      for (let n = 0; n < 3; n++) bob.send(chat(`bob ${n}`));
      scenario.until(() => ann.chats('a').length === 15);
      const of = (user: string) =>
        ann
          .chats('a')
          .filter(({ from }) => from === user)
          .map(({ content }) => content as string);
      expect(of('ann')).toEqual(Array.from({ length: 12 }, (_, n) => `ann ${n}`));
      expect(of('bob')).toEqual(Array.from({ length: 3 }, (_, n) => `bob ${n}`));
      expect(ann.chats('a').findLastIndex(({ from }) => from === 'bob')).toBeLessThan(14);
    });
  });

  test('[DG4] one that is refused, and one whose hook hangs or throws, is not stored; those around it are', () => {
    each((seed) => {
      const scenario = asked(
        seed,
        onMessages(({ content }) => {
          if (content === 'throw') throw new Error('no database');
          if (content === 'hang') return later(Infinity, true);
          if (content === 'mask') return { change: { content: '****', data: { masked: true } } };
          if (content === 'refuse') return { refuse: { code: 'limit_reached', message: 'no more today' } };
          return content === 'nonsense' ? 1 : true;
        }),
      );
      const ann = scenario.connect('ann');
      ann.request({ type: 'join', room: 'a' });
      const words = ['1', 'throw', '2', 'hang', 'mask', 'refuse', 'nonsense', '3'];
      const ids = words.map((word) => ann.send(chat(word)));
      scenario.until(() => ids.every((id) => ann.reply(id) !== undefined));
      expect(ids.map((id) => ann.reply(id)?.['code'] ?? ann.reply(id)?.['seq'])).toEqual([
        1,
        'unavailable',
        2,
        'unavailable',
        3,
        'limit_reached',
        'internal',
        4,
      ]);
      scenario.until(() => ann.chats('a').length === 4);
      expect(ann.chats('a').map(({ content, data }) => [content, data])).toEqual([
        ['1', undefined],
        ['2', undefined],
        ['****', { masked: true }],
        ['3', undefined],
      ]);
      scenario.run(2_000);
      expect(scenario.log.head('room:a')).toBe(4);
    });
  });

  test('[FR4] [DG4] a repeat has the first one’s seq, whatever is said of it now', () => {
    each((seed) => {
      const random = new Random(seed, 'hook');
      let asks = 0;
      const first = onMessages(() => {
        const isFirst = ++asks === 1;
        const answer = isFirst || random.chance(0.3) ? true : { refuse: { message: 'not any more' } };
        return later(random.whole(0, 300), asks % 5 === 4 ? { change: { content: 'other' } } : answer);
      });
      const scenario = asked(seed, first);
      const ann = scenario.connect('ann');
      const bob = scenario.connect('bob');
      bob.request({ type: 'join', room: 'a' });
      // Together with the first, while it is appended, and long after.
      for (let n = 0; n < 8; n++) ann.send(chat(`try ${n}`, { id: 'same' }));
      const acks = () => ann.frames.filter(({ type, id }) => type === 'ack' && id === 'same');
      scenario.until(() => acks().length === 8);
      scenario.run(2_000);
      ann.send(chat('later', { id: 'same' }));
      scenario.until(() => acks().length === 9);
      expect(acks().map(({ seq }) => seq as number)).toEqual(Array.from({ length: 9 }, () => 1));
      expect(acks().filter(({ duplicate }) => duplicate === true)).toHaveLength(8);
      expect(bob.chats('a').map(({ content }) => content as string)).toEqual(['try 0']);
    });
  });

  test('[DG4] [ER2] while the log cannot be asked, a refused message may be a repeat, and is called unknown', () => {
    each((seed) => {
      const scenario = asked(
        seed,
        onMessages(() => ({ refuse: { message: 'no' } })),
      );
      const ann = scenario.connect('ann');
      ann.request({ type: 'join', room: 'a' });
      expect(ann.request(chat('x'))).toMatchObject({ code: 'forbidden', message: 'no' });
      scenario.fault = 'db-down';
      expect(ann.request(chat('x'))).toMatchObject({ code: 'outcome_unknown' });
    });
  });

  /** Ann has a private room, and bob is in it; the application thinks for a while about each message. */
  const withMembers = (seed: number) => {
    const scenario = asked(
      seed,
      onMessages(() => later(500, true)),
    );
    const ann = scenario.connect('ann');
    const bob = scenario.connect('bob');
    ann.request({ type: 'create', room: 'a', access: 'private', members: ['bob'] });
    return { scenario, ann, bob };
  };

  test('[JW4] a right that is lost while the application thinks is lost; so is the room', () => {
    each((seed) => {
      const { scenario, ann, bob } = withMembers(seed);
      const ofBob = bob.send(chat('too late'));
      scenario.run(200);
      scenario.askHome('room:a', { type: 'setMember', user: 'bob', isMember: false });
      scenario.until(() => bob.reply(ofBob) !== undefined);
      expect(bob.reply(ofBob)).toMatchObject({ code: 'forbidden' });
      const ofAnn = ann.send(chat('into the void'));
      scenario.run(200);
      scenario.askHome('room:a', { type: 'delete' });
      scenario.until(() => ann.reply(ofAnn) !== undefined);
      expect(ann.reply(ofAnn)).toMatchObject({ code: 'gone' });
      expect(scenario.log.head('room:a')).toBe(0);
    });
  });

  test('[DG4] a message that waits for the application is not called unstored when it comes once more without the right', () => {
    each((seed) => {
      const { scenario, bob } = withMembers(seed);
      const setMember = (isMember: boolean) => {
        const { body } = scenario.askHome('room:a', { type: 'setMember', user: 'bob', isMember });
        scenario.until(() => body() !== undefined);
      };
      const errors = () => bob.frames.filter(({ type }) => type === 'error');
      bob.send(chat('once', { id: 'same' }));
      scenario.run(150);
      setMember(false);
      bob.send(chat('twice', { id: 'same' }));
      scenario.until(() => errors().length === 1);
      expect(errors()).toMatchObject([{ code: 'outcome_unknown', retryAfterMs: expect.any(Number) }]);
      // He is let in again before the application has spoken: then the first one is stored after all.
      setMember(true);
      scenario.until(() => bob.frames.some(({ type, seq }) => type === 'ack' && seq === 1));
      setMember(false);
      bob.send(chat('and again', { id: 'same' }));
      scenario.until(() => bob.frames.some(({ duplicate }) => duplicate === true));
      expect(errors()).toHaveLength(1);
    });
  });

  test('[LM8] of those that wait there are only so many', () => {
    const scenario = asked(
      1,
      onMessages(() => later(Infinity, true)),
      { writer: { pendingMax: 4 } },
    );
    const ann = scenario.connect('ann');
    const ids = Array.from({ length: 6 }, () => ann.send(chat('x')));
    scenario.run(500);
    const told = ids.filter((id) => ann.reply(id) !== undefined);
    expect(told).toEqual(ids.slice(4));
    scenario.run(2_000);
    expect(ids.map((id) => ann.reply(id)?.['code'] as string)).toEqual(ids.map(() => 'unavailable'));
  });

  test('a home without present users waits for the application, too', () => {
    const scenario = asked(
      1,
      onMessages(() => later(900, true)),
      { writer: { idleMs: 100 } },
    );
    expect(scenario.connect('ann').request(chat('x'))).toMatchObject({ type: 'ack', seq: 1 });
  });

  test('a drain waits for what has been taken', () => {
    each((seed) => {
      const scenario = asked(
        seed,
        onMessages(() => later(800, true)),
      );
      const ann = scenario.connect('ann');
      const id = ann.send(chat('the last'));
      scenario.run(300);
      scenario.node.drain();
      scenario.until(() => scenario.hasEnded);
      expect(ann.reply(id)).toMatchObject({ type: 'ack', seq: 1 });
      expect(ann.closed).toBe(4003);
    });
  });
});

describe('joins', () => {
  const joins = (say: (room: string) => unknown) => (question: HookQuestion) =>
    question.hook === 'authorize' && question.action === 'join' ? say(question.room) : true;

  test('[RQ1] [RQ2] [JW4] both must agree, the application and the room', () => {
    each((seed) => {
      const questions: HookQuestion[] = [];
      const scenario = asked(seed, (question) => {
        questions.push(question);
        if (question.room === 'hang') return later(Infinity, true);
        if (question.room === 'shut') return { error: 'not_found', message: 'which room?' };
        return later(50, question.room !== 'no');
      });
      scenario.connect('bob').request({ type: 'create', room: 'private', access: 'private' });
      const ann = scenario.connect('ann');
      const join = (room: string) => ann.request({ type: 'join', room });
      expect(join('a')).toMatchObject({ type: 'ack', seq: 0 });
      expect(join('no')).toMatchObject({ code: 'forbidden', message: 'you may not join no' });
      expect(join('shut')).toMatchObject({ code: 'not_found', message: 'which room?' });
      expect(join('hang')).toMatchObject({ code: 'unavailable', retryable: true });
      expect(join('private')).toMatchObject({ code: 'forbidden' });
      const rooms = ['a', 'b', 'no', 'shut', 'hang', 'private'];
      const channels = Object.fromEntries(rooms.map((room) => [`room:${room}`, 0]));
      expect(ann.request({ type: 'resume', channels })['channels']).toEqual({
        'room:a': { seq: 0, already: true },
        'room:b': { seq: 0 },
        'room:no': { error: 'forbidden' },
        'room:shut': { error: 'not_found' },
        'room:hang': { error: 'unavailable' },
        'room:private': { error: 'forbidden' },
      });
      expect(questions[0]).toEqual({
        hook: 'authorize',
        user: 'bob',
        claims: '{"sub":"bob"}',
        action: 'create',
        room: 'private',
      });
      // In a room that it is in already a connection stays; and who is in it reads it.
      const ofAnn = questions.flatMap((question) =>
        question.hook === 'authorize' && question.room === 'a' ? [question.action] : [],
      );
      expect(ofAnn).toEqual(['join', 'read']);
      expect(ann.request({ type: 'presence', room: 'a' })['total']).toBe(1);
    });
  });

  test('a connection that ends meanwhile is in no room', () => {
    each((seed) => {
      const scenario = asked(
        seed,
        joins(() => later(500, true)),
      );
      const ann = scenario.connect('ann');
      ann.send({ type: 'join', room: 'a' });
      scenario.run(200);
      ann.leave();
      scenario.run(2_000);
      const bob = scenario.connect('bob');
      expect(bob.request({ type: 'presence', room: 'a' })['total']).toBe(0);
    });
  });
});

test('[D17] without hooks no application is asked, and nothing is different', () => {
  const scenario = new Scenario(1, {
    application: () => {
      throw new Error('nobody asks');
    },
  });
  const ann = scenario.connect('ann');
  ann.request({ type: 'join', room: 'a' });
  expect(ann.request(chat('x'))).toMatchObject({ type: 'ack', seq: 1 });
  expect(scenario.actors('hooks')).toBe(0);
});
