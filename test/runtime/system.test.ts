import { beforeEach, describe, expect, test } from 'vitest';
import type {
  ActorPlacement,
  Address,
  Answer,
  Answered,
  Behaviour,
  Effect,
  Supervision,
  TimerFired,
  Turn,
} from '../../src/runtime/ports/actor.ts';
import { ActorSystem } from '../../src/runtime/system.ts';
import { World } from '../support/world.ts';

type Message = { readonly type: string; readonly [field: string]: unknown };

/** What an actor did, in order, and what it is to do with a message. */
interface Script {
  readonly seen: string[];
  readonly on: (
    message: Message | TimerFired | Answered,
    turn: Turn,
    generation: number,
  ) => readonly Effect[];
}

let world: World;
let system: ActorSystem;
beforeEach(() => {
  world = new World();
  system = new ActorSystem(world.ports);
});

function register(
  kind: string,
  on: Script['on'],
  options: {
    supervision?: Supervision;
    mailboxMax?: number;
    placement?: ActorPlacement;
    onFailure?: readonly Effect[];
  } = {},
): Script {
  const script: Script = { seen: [], on };
  let generations = 0;
  const { onFailure } = options;
  const behaviour: Behaviour<{ readonly generation: number }, Message> = {
    kind,
    mailboxMax: options.mailboxMax ?? 100,
    supervision: options.supervision ?? 'restart',
    placement: options.placement ?? 'node',
    start: ({ restarted }) => {
      generations++;
      script.seen.push(restarted ? 'restart' : 'start');
      return [{ generation: generations }, []];
    },
    step: (state, message, turn) => {
      const timer = message.type === 'timer' ? `:${(message as TimerFired).timer}` : '';
      script.seen.push(`${message.type}${timer}`);
      return on(message, turn, state.generation);
    },
    ...(onFailure ? { onFailure: () => onFailure } : {}),
  };
  system.register(behaviour);
  return script;
}

const to = (address: string): Address<Message> => address as Address<Message>;
const tell = (target: string, message: Message): Effect => ({
  type: 'tell',
  to: target,
  message,
  lane: 'user',
  key: undefined,
});

/** Asks from outside and gives the answer once there is one. */
function ask(address: string, message: Message, deadlineMs = 1_000): { answer?: Answer<unknown> } {
  const result: { answer?: Answer<unknown> } = {};
  system.ask(to(address), message, { deadlineMs, lane: 'user' }, (answer) => {
    expect(result.answer, 'answered once').toBeUndefined();
    result.answer = answer;
  });
  return result;
}

describe('deliveries', () => {
  test('a virtual actor starts with its first message; each has its own mailbox', () => {
    const script = register('echo', () => []);
    system.tell(to('echo:a'), { type: 'one' }, 'user');
    system.tell(to('echo:b'), { type: 'two' }, 'user');
    system.tell(to('echo:a'), { type: 'three' }, 'user');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'start', 'one', 'three', 'two']);
  });

  test('without an actor at the address: a dead letter, and an ask fails at once', () => {
    register('spawned', () => [], { placement: 'socket' });
    system.tell(to('spawned:n1.x.1'), { type: 'hello' }, 'user');
    system.tell(to('nothing:x'), { type: 'hello' }, 'user');
    const asked = ask('spawned:n1.x.1', { type: 'hello' });
    expect(asked.answer).toEqual({ ok: false, taken: false, reason: 'no_actor' });
    expect(system.deadLetters.counts.get('no_actor')).toBe(3);
    expect(system.deadLetters.recent()[0]).toMatchObject({
      to: 'spawned:n1.x.1',
      type: 'hello',
      reason: 'no_actor',
    });
  });

  test('[LM8] to a full mailbox: refused at once, and nothing that waits is lost', () => {
    const script = register('small', () => [], { mailboxMax: 3 });
    const asked = Array.from({ length: 5 }, (_, n) => ask('small:x', { type: `m${n}` }));
    expect(asked.map(({ answer }) => answer)).toEqual([
      undefined,
      undefined,
      undefined,
      ...[3, 4].map(() => ({ ok: false, taken: false, reason: 'overflow' })),
    ]);
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'm0', 'm1', 'm2']);
  });

  test('afterQueue: behind everything that is queued', () => {
    const script = register('late', (message) =>
      message.type === 'go' ? [{ type: 'afterQueue', message: { type: 'after' } }] : [],
    );
    register('other', () => [tell('late:x', { type: 'between' })]);
    system.tell(to('late:x'), { type: 'go' }, 'user');
    system.tell(to('other:x'), { type: 'run' }, 'user');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'go', 'between', 'after']);
  });

  test('hold: only system messages, until release', () => {
    const script = register('door', (message) => {
      if (message.type === 'close') return [{ type: 'hold' }];
      return message.type === 'open' ? [{ type: 'release' }] : [];
    });
    system.tell(to('door:x'), { type: 'close' }, 'user');
    system.tell(to('door:x'), { type: 'guest' }, 'user');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'close']);
    system.tell(to('door:x'), { type: 'open' }, 'system');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'close', 'open', 'guest']);
  });
});

describe('[D4] fairness', () => {
  test('a turn is at most 32 messages: an actor with many does not keep the others waiting', () => {
    const order: string[] = [];
    register('busy', (_, turn) => {
      order.push(turn.self);
      return [];
    });
    for (let n = 0; n < 100; n++) system.tell(to('busy:a'), { type: 'm' }, 'user');
    system.tell(to('busy:b'), { type: 'm' }, 'user');
    world.clock.settle();
    expect(order.indexOf('busy:b')).toBe(32);
    expect(order).toHaveLength(101);
  });

  test('a turn is at most 1 ms, a slice at most 5 ms: then sockets have their turn', () => {
    let steps = 0;
    register('slow', () => {
      steps++;
      world.clock.spend(0.3);
      return [];
    });
    for (const name of ['a', 'b', 'c'])
      for (let n = 0; n < 50; n++) system.tell(to(`slow:${name}`), { type: 'm' }, 'user');
    world.clock.slice();
    expect(steps).toBeGreaterThanOrEqual(16);
    expect(steps).toBeLessThanOrEqual(26);
    expect(world.sockets.flushes).toBe(1);
    world.clock.settle();
    expect(steps).toBe(150);
  });

  test('a slice is over when many sockets have frames to write; actors that wait for the next one do not run in it', () => {
    const seen: string[] = [];
    register('writer', (message) => {
      seen.push(message.type);
      world.sockets.dirty += 500;
      return seen.length < 5 ? [{ type: 'afterQueue', message: { type: 'again' } }] : [];
    });
    register('other', () => {
      seen.push('other');
      return [];
    });
    system.tell(to('writer:a'), { type: 'first' }, 'user');
    system.tell(to('other:a'), { type: 'm' }, 'user');
    world.clock.slice();
    expect(seen).toEqual(['first', 'other']);
    expect(world.sockets.flushes).toBe(1);
    world.clock.slice();
    expect(seen).toEqual(['first', 'other', 'again']);
  });
});

describe('[D5] asks', () => {
  test('the reply, once; a second one is late', () => {
    register('twice', (_, { replyTo }) =>
      replyTo
        ? [
            { type: 'reply', to: replyTo, body: 1 },
            { type: 'reply', to: replyTo, body: 2 },
          ]
        : [],
    );
    const asked = ask('twice:x', { type: 'q' });
    world.clock.settle();
    expect(asked.answer).toEqual({ ok: true, body: 1 });
    expect(system.deadLetters.counts.get('late')).toBe(1);
  });

  test('by the deadline: whether it was taken is known', () => {
    register('deaf', () => []);
    register('held', () => [{ type: 'hold' }]);
    const [taken, waiting] = [ask('deaf:x', { type: 'q' }, 500), ask('held:x', { type: 'first' }, 500)];
    world.clock.settle();
    const behind = ask('held:x', { type: 'q' }, 500);
    world.clock.advance(600);
    expect(taken.answer).toEqual({ ok: false, taken: true, reason: 'expired' });
    expect(waiting.answer).toMatchObject({ taken: true });
    expect(behind.answer).toEqual({ ok: false, taken: false, reason: 'expired' });
    expect(system.census().asks).toBe(0);
  });

  test('an expired message is not handled any more', () => {
    const script = register('held', (message) =>
      message.type === 'open' ? [{ type: 'release' }] : [{ type: 'hold' }],
    );
    system.tell(to('held:x'), { type: 'close' }, 'user');
    ask('held:x', { type: 'q' }, 500);
    world.clock.advance(600);
    system.tell(to('held:x'), { type: 'open' }, 'system');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'close', 'open']);
  });

  test('between actors, with the context of the asker', () => {
    register('server', (_, { replyTo }) => (replyTo ? [{ type: 'reply', to: replyTo, body: 'yes' }] : []));
    const answers: unknown[] = [];
    register('client', (message) => {
      if (message.type === 'answer')
        answers.push((message as Answered).context, (message as Answered).answer);
      return message.type === 'go'
        ? [
            {
              type: 'ask',
              to: 'server:x',
              message: { type: 'q' },
              lane: 'user',
              deadlineMs: 100,
              context: { n: 7 },
            },
          ]
        : [];
    });
    system.tell(to('client:x'), { type: 'go' }, 'user');
    world.clock.settle();
    expect(answers).toEqual([{ n: 7 }, { ok: true, body: 'yes' }]);
  });
});

describe('timers', () => {
  test('fire once; arming again replaces; one disarmed while its message waits does not fire', () => {
    const script = register('clock', (message) => {
      if (message.type === 'go')
        return [
          { type: 'arm', timer: 'a', delayMs: 100 },
          { type: 'arm', timer: 'a', delayMs: 300 },
          { type: 'arm', timer: 'b', delayMs: 300 },
        ];
      return message.type === 'timer' ? [{ type: 'disarm', timer: 'b' }] : [];
    });
    system.tell(to('clock:x'), { type: 'go' }, 'user');
    world.clock.advance(1_000);
    expect(script.seen).toEqual(['start', 'go', 'timer:a']);
    expect(system.census().timers).toBe(0);
  });
});

describe('stopping', () => {
  test('timers go, asks that were taken are answered, waiting messages begin the next generation', () => {
    const script = register('idle', (message) => {
      if (message.type === 'arm') return [{ type: 'arm', timer: 't', delayMs: 100 }];
      return message.type === 'stop' ? [{ type: 'stop' }] : [];
    });
    system.tell(to('idle:x'), { type: 'arm' }, 'user');
    const asked = ask('idle:x', { type: 'q' });
    system.tell(to('idle:x'), { type: 'stop' }, 'user');
    system.tell(to('idle:x'), { type: 'next' }, 'user');
    world.clock.advance(1_000);
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'stopped' });
    expect(script.seen).toEqual(['start', 'arm', 'q', 'stop', 'start', 'next']);
    expect(system.census().timers).toBe(0);
  });

  test('[LM8] waiting messages keep their lanes in the next generation, and count against its bound', () => {
    const hold = (message: { readonly type: string }): readonly Effect[] =>
      message.type === 'stop' ? [{ type: 'stop' }] : message.type === 'hold' ? [{ type: 'hold' }] : [];
    const script = register('held', hold, { mailboxMax: 2 });
    system.tell(to('held:x'), { type: 'stop' }, 'system');
    for (const type of ['a', 'b']) system.tell(to('held:x'), { type }, 'user');
    system.tell(to('held:x'), { type: 'latest' }, 'latest');
    // The default lane: it comes before what users have sent.
    system.tell(to('held:x'), { type: 'hold' });
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'stop', 'start', 'hold']);
    expect([system.cell('held:x')?.mailbox.userSize, system.cell('held:x')?.mailbox.size]).toEqual([2, 3]);
    expect(ask('held:x', { type: 'c' }).answer).toMatchObject({ reason: 'overflow' });
  });

  test('waiting messages of an actor that does not start by itself are dead letters', () => {
    register('once', (message) => (message.type === 'stop' ? [{ type: 'stop' }] : []), {
      placement: 'socket',
    });
    system.spawn(to('once:x'), undefined);
    system.tell(to('once:x'), { type: 'stop' }, 'user');
    const asked = ask('once:x', { type: 'q' });
    world.clock.settle();
    expect(asked.answer).toEqual({ ok: false, taken: false, reason: 'stopped' });
  });
});

describe('[D5] supervision', () => {
  const bomb = (message: { readonly type: string }): readonly Effect[] => {
    if (message.type === 'bomb') throw new Error('boom');
    return [];
  };

  test('a step that throws commits nothing; the actor restarts after a pause, and goes on with what waits', () => {
    let isArmed = true;
    const script = register('room', (message) => {
      if (message.type === 'shaky' && isArmed) {
        isArmed = false;
        throw new Error('boom');
      }
      return [];
    });
    system.tell(to('room:x'), { type: 'shaky' }, 'user');
    system.tell(to('room:x'), { type: 'next' }, 'user');
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'shaky']);
    world.clock.advance(1_000);
    // The message that crashed it is tried once more, first.
    expect(script.seen).toEqual(['start', 'shaky', 'restart', 'shaky', 'next']);
    expect(world.logged).toMatchObject([
      { level: 'error', event: 'actor crashed', details: { address: 'room:x', message: 'shaky' } },
    ]);
  });

  test('a message that crashes it twice is a dead letter, and answered', () => {
    const script = register('room', bomb);
    const asked = ask('room:x', { type: 'bomb' }, 10_000);
    system.tell(to('room:x'), { type: 'next' }, 'user');
    world.clock.advance(5_000);
    expect(script.seen).toEqual(['start', 'bomb', 'restart', 'bomb', 'restart', 'next']);
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'poison' });
    expect(system.deadLetters.counts.get('poison')).toBe(1);
  });

  test('five crashes in 60 s: quarantined for 30 s, refusing everything, then tried again', () => {
    const script = register('room', bomb);
    for (let n = 0; n < 3; n++) system.tell(to('room:x'), { type: 'bomb' }, 'user');
    world.clock.advance(10_000);
    expect(script.seen.filter((seen) => seen === 'bomb')).toHaveLength(5);
    const refused = ask('room:x', { type: 'q' });
    expect(refused.answer).toEqual({ ok: false, taken: false, reason: 'quarantined' });
    world.clock.advance(30_000);
    const served = ask('room:x', { type: 'q' });
    world.clock.settle();
    expect(script.seen.slice(-2)).toEqual(['restart', 'q']);
    expect(served.answer).toBeUndefined();
  });

  test('an ask that was taken before the crash is answered: it may have been carried out', () => {
    register('room', (message) => bomb(message));
    const before = ask('room:x', { type: 'q' });
    world.clock.settle();
    system.tell(to('room:x'), { type: 'bomb' }, 'user');
    world.clock.settle();
    expect(before.answer).toEqual({ ok: false, taken: true, reason: 'crashed' });
  });

  test('answers and timers of an earlier generation do not reach the next', () => {
    register('server', () => []);
    const script = register('room', (message) => {
      if (message.type === 'go') {
        return [
          { type: 'ask', to: 'server:x', message: { type: 'q' }, lane: 'user', deadlineMs: 500, context: 1 },
          { type: 'arm', timer: 't', delayMs: 500 },
          { type: 'afterQueue', message: { type: 'bomb' } },
        ];
      }
      return bomb(message);
    });
    system.tell(to('room:x'), { type: 'go' }, 'user');
    world.clock.advance(2_000);
    expect(script.seen).toEqual(['start', 'go', 'bomb', 'restart']);
  });

  test('a connection is not restarted: its `onFailure` runs, and it is over', () => {
    const close: Effect = { type: 'close', connection: 1, code: 1011, reason: 'internal_error' };
    const script = register('conn', bomb, { supervision: 'stop', placement: 'socket', onFailure: [close] });
    system.spawn(to('conn:1'), undefined);
    const asked = ask('conn:1', { type: 'bomb' });
    world.clock.advance(1_000);
    expect(script.seen).toEqual(['start', 'bomb']);
    expect(world.sockets.closed.get(1)).toEqual({ code: 1011, reason: 'internal_error' });
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'crashed' });
    expect(system.cell('conn:1')).toBeUndefined();
  });

  describe('with `handOver`', () => {
    /** Starts throw as often as `unlucky` says; each generation counts the messages of all before it. */
    function keeper(unlucky = 0): { readonly starts: string[]; readonly steps: number[] } {
      const starts: string[] = [];
      const steps: number[] = [];
      system.register<{ seen: string[] }, Message, undefined>({
        kind: 'keeper',
        mailboxMax: 10,
        supervision: 'handOver',
        placement: 'node',
        start: (_birth, _turn, crashed) => {
          starts.push(crashed ? `after ${crashed.state.seen.join()}` : 'from nothing');
          if (crashed) expect(crashed.step).toBe(steps.at(-1));
          if (crashed && unlucky-- > 0) throw new Error('no luck');
          return [{ seen: [...(crashed?.state.seen ?? [])] }, []];
        },
        step: (state, message, turn) => {
          steps.push(turn.step);
          if (message.type === 'bomb' || message.type === 'shaky') {
            if (message.type === 'bomb' || starts.length === 1) throw new Error('boom');
          }
          state.seen.push(message.type);
          return [];
        },
        onFailure: ({ seen }) => {
          starts.push(`onFailure of ${seen.join()}`);
          return [];
        },
      });
      return { starts, steps };
    }

    const send = (...types: string[]): void => {
      for (const type of types) system.tell(to('keeper:x'), { type }, 'user');
    };

    test('the next generation has the state of the one that crashed, and takes the message again', () => {
      const { starts } = keeper();
      send('a', 'shaky', 'b');
      world.clock.advance(300);
      expect(starts).toEqual(['from nothing', 'after a']);
      expect(system.cell('keeper:x')?.state).toEqual({ seen: ['a', 'shaky', 'b'] });
    });

    test('a start that throws leaves that state to the next', () => {
      const { starts } = keeper(2);
      send('a', 'shaky');
      world.clock.advance(1_600);
      expect(starts).toEqual(['from nothing', 'after a', 'after a', 'after a']);
      expect(system.cell('keeper:x')?.state).toEqual({ seen: ['a', 'shaky'] });
    });

    test('after a second crash over one message `onFailure` runs, and the next generation starts from nothing', () => {
      const { starts } = keeper();
      send('a', 'bomb', 'b');
      world.clock.advance(700);
      expect(starts).toEqual(['from nothing', 'after a', 'onFailure of a', 'from nothing']);
      expect(system.cell('keeper:x')?.state).toEqual({ seen: ['b'] });
    });

    test('too many crashes do so, too: `onFailure` runs before the quarantine', () => {
      const { starts } = keeper(9);
      send('a', 'shaky');
      world.clock.advance(3_100);
      expect(starts).toEqual(['from nothing', 'after a', 'after a', 'after a', 'after a', 'onFailure of a']);
      expect(system.cell('keeper:x')?.status).toBe('quarantined');
      world.clock.advance(31_000);
      expect(starts.slice(-1)).toEqual(['from nothing']);
    });
  });

  test('one that cannot even start is tried again, with longer and longer pauses', () => {
    const starts: number[] = [];
    system.register({
      kind: 'unlucky',
      mailboxMax: 10,
      supervision: 'restart',
      placement: 'node',
      start: () => {
        starts.push(world.clock.now());
        if (starts.length < 4) throw new Error('no luck');
        return [undefined, []];
      },
      step: () => [],
    } satisfies Behaviour<undefined, Message>);
    system.tell(to('unlucky:x'), { type: 'm' }, 'user');
    world.clock.advance(10_000);
    expect(starts.map((at) => Math.round(at / 100))).toEqual([0, 2, 6, 14]);
  });
});
