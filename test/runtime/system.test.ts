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
  readonly on: (message: Message | TimerFired | Answered, turn: Turn, life: number) => readonly Effect[];
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
    lastWords?: readonly Effect[];
  } = {},
): Script {
  const script: Script = { seen: [], on };
  let lives = 0;
  const { lastWords } = options;
  const behaviour: Behaviour<{ readonly life: number }, Message> = {
    kind,
    mailboxMax: options.mailboxMax ?? 100,
    supervision: options.supervision ?? 'restart',
    placement: options.placement ?? 'node',
    start: ({ restarted }) => {
      lives++;
      script.seen.push(restarted ? 'restart' : 'start');
      return [{ life: lives }, []];
    },
    step: (state, message, turn) => {
      const timer = message.type === 'timer' ? `:${(message as TimerFired).timer}` : '';
      script.seen.push(`${message.type}${timer}`);
      return on(message, turn, state.life);
    },
    ...(lastWords ? { lastWords: () => lastWords } : {}),
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
  system.ask(to(address), message, { deadlineMs }, (answer) => {
    expect(result.answer, 'answered once').toBeUndefined();
    result.answer = answer;
  });
  return result;
}

describe('deliveries', () => {
  test('a virtual actor starts with its first message; each has its own mailbox', () => {
    const script = register('echo', () => []);
    system.tell(to('echo:a'), { type: 'one' });
    system.tell(to('echo:b'), { type: 'two' });
    system.tell(to('echo:a'), { type: 'three' });
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'start', 'one', 'three', 'two']);
  });

  test('to nobody: a dead letter, and an ask is answered at once', () => {
    register('spawned', () => [], { placement: 'socket' });
    system.tell(to('spawned:n1.x.1'), { type: 'hello' });
    system.tell(to('nothing:x'), { type: 'hello' });
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

  test('soon: after everything that is queued', () => {
    const script = register('late', (message) =>
      message.type === 'go' ? [{ type: 'soon', message: { type: 'after' } }] : [],
    );
    register('other', () => [tell('late:x', { type: 'between' })]);
    system.tell(to('late:x'), { type: 'go' });
    system.tell(to('other:x'), { type: 'run' });
    world.clock.settle();
    expect(script.seen).toEqual(['start', 'go', 'between', 'after']);
  });

  test('hold: only system messages, until release', () => {
    const script = register('door', (message) => {
      if (message.type === 'close') return [{ type: 'hold' }];
      return message.type === 'open' ? [{ type: 'release' }] : [];
    });
    system.tell(to('door:x'), { type: 'close' });
    system.tell(to('door:x'), { type: 'guest' });
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
    for (let n = 0; n < 100; n++) system.tell(to('busy:a'), { type: 'm' });
    system.tell(to('busy:b'), { type: 'm' });
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
      for (let n = 0; n < 50; n++) system.tell(to(`slow:${name}`), { type: 'm' });
    world.clock.slice();
    expect(steps).toBeGreaterThanOrEqual(16);
    expect(steps).toBeLessThanOrEqual(26);
    expect(world.sockets.flushes).toBe(1);
    world.clock.settle();
    expect(steps).toBe(150);
  });

  test('a slice is over when many sockets are to be written to; who waits for the next one is not in it', () => {
    const seen: string[] = [];
    register('writer', (message) => {
      seen.push(message.type);
      world.sockets.dirty += 500;
      return seen.length < 5 ? [{ type: 'soon', message: { type: 'again' } }] : [];
    });
    register('other', () => {
      seen.push('other');
      return [];
    });
    system.tell(to('writer:a'), { type: 'first' });
    system.tell(to('other:a'), { type: 'm' });
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

  test('what has expired is not handled any more', () => {
    const script = register('held', (message) =>
      message.type === 'open' ? [{ type: 'release' }] : [{ type: 'hold' }],
    );
    system.tell(to('held:x'), { type: 'close' });
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
    system.tell(to('client:x'), { type: 'go' });
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
    system.tell(to('clock:x'), { type: 'go' });
    world.clock.advance(1_000);
    expect(script.seen).toEqual(['start', 'go', 'timer:a']);
    expect(system.census().timers).toBe(0);
  });
});

describe('stopping', () => {
  test('timers go, asks that were taken are answered, what waits begins the next life', () => {
    const script = register('idle', (message) => {
      if (message.type === 'arm') return [{ type: 'arm', timer: 't', delayMs: 100 }];
      return message.type === 'stop' ? [{ type: 'stop' }] : [];
    });
    system.tell(to('idle:x'), { type: 'arm' });
    const asked = ask('idle:x', { type: 'q' });
    system.tell(to('idle:x'), { type: 'stop' });
    system.tell(to('idle:x'), { type: 'next' });
    world.clock.advance(1_000);
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'stopped' });
    expect(script.seen).toEqual(['start', 'arm', 'q', 'stop', 'start', 'next']);
    expect(system.census().timers).toBe(0);
  });

  test('of an actor that does not start by itself, what waits is a dead letter', () => {
    register('once', (message) => (message.type === 'stop' ? [{ type: 'stop' }] : []), {
      placement: 'socket',
    });
    system.spawn(to('once:x'), undefined);
    system.tell(to('once:x'), { type: 'stop' });
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
    system.tell(to('room:x'), { type: 'shaky' });
    system.tell(to('room:x'), { type: 'next' });
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
    system.tell(to('room:x'), { type: 'next' });
    world.clock.advance(5_000);
    expect(script.seen).toEqual(['start', 'bomb', 'restart', 'bomb', 'restart', 'next']);
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'poison' });
    expect(system.deadLetters.counts.get('poison')).toBe(1);
  });

  test('five crashes in 60 s: quarantined for 30 s, refusing everything, then tried again', () => {
    const script = register('room', bomb);
    for (let n = 0; n < 3; n++) system.tell(to('room:x'), { type: 'bomb' });
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
    system.tell(to('room:x'), { type: 'bomb' });
    world.clock.settle();
    expect(before.answer).toEqual({ ok: false, taken: true, reason: 'crashed' });
  });

  test('what an earlier life asked for and armed does not reach the next', () => {
    register('server', () => []);
    const script = register('room', (message) => {
      if (message.type === 'go') {
        return [
          { type: 'ask', to: 'server:x', message: { type: 'q' }, lane: 'user', deadlineMs: 500, context: 1 },
          { type: 'arm', timer: 't', delayMs: 500 },
          { type: 'soon', message: { type: 'bomb' } },
        ];
      }
      return bomb(message);
    });
    system.tell(to('room:x'), { type: 'go' });
    world.clock.advance(2_000);
    expect(script.seen).toEqual(['start', 'go', 'bomb', 'restart']);
  });

  test('a connection is not restarted: its last words are said, and it is over', () => {
    const close: Effect = { type: 'close', connection: 1, code: 1011, reason: 'internal_error' };
    const script = register('conn', bomb, { supervision: 'stop', placement: 'socket', lastWords: [close] });
    system.spawn(to('conn:1'), undefined);
    const asked = ask('conn:1', { type: 'bomb' });
    world.clock.advance(1_000);
    expect(script.seen).toEqual(['start', 'bomb']);
    expect(world.sockets.closed.get(1)).toEqual({ code: 1011, reason: 'internal_error' });
    expect(asked.answer).toEqual({ ok: false, taken: true, reason: 'crashed' });
    expect(system.cell('conn:1')).toBeUndefined();
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
    system.tell(to('unlucky:x'), { type: 'm' });
    world.clock.advance(10_000);
    expect(starts.map((at) => Math.round(at / 100))).toEqual([0, 2, 6, 14]);
  });
});
