import { describe, expect, test } from 'vitest';
import { answers, ClientWorld } from '../support/client-world.ts';

// How a client comes, stays and comes back.

describe('connecting', () => {
  test('[HS2] it offers the protocol and its token', () => {
    const world = new ClientWorld();
    expect(world.end.protocols).toEqual(['vagus.v1', 'bearer.token-1']);
    expect(world.core.state).toBe('connecting');
    world.up();
    expect(world.states).toEqual(['connecting', 'alive']);
  });

  test('[HS5] its first request resumes the two channels of everyone at the heads of the welcome', () => {
    const world = new ClientWorld();
    world.core.rooms({}, () => {});
    world.end.welcome();
    expect(world.end.frames.map(({ type }) => type)).toEqual(['resume', 'rooms']);
    expect(world.end.take('resume')['channels']).toEqual({ broadcast: 3, user: 7 });
  });

  test('the client closes the connection to a server that accepts the socket and stays silent for 10 s', () => {
    const world = new ClientWorld();
    world.end.opened();
    world.pass(9_999);
    expect(world.core.state).toBe('connecting');
    world.pass(1);
    expect(world.core.state).toBe('waiting');
    expect(world.end.closedWith).toBe(4000);
    expect(world.events('state').at(-1)).toMatchObject({ why: { code: 'unavailable' } });
  });

  test('a token that is a function is asked once, and again after 4005', () => {
    const tokens = ['one', 'two'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    world.up();
    world.again();
    expect(world.end.protocols[1]).toBe('bearer.one');
    world.up();
    world.end.close(4005, 'token_expired');
    world.rest();
    expect(world.end.protocols[1]).toBe('bearer.two');
  });

  test('no token right now is a failed attempt', () => {
    const tokens = [undefined, 'one'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    expect(world.states).toEqual(['connecting', 'waiting']);
    world.rest();
    expect(world.end.protocols[1]).toBe('bearer.one');
  });
});

describe('backoff', () => {
  test('full jitter under 0.5 s × 2ⁿ, at most 20 s; a connection that was alive begins anew', () => {
    const world = new ClientWorld({ chance: 0.5 });
    const pauses: number[] = [];
    for (let at = 0; at < 8; at++) {
      world.end.close();
      world.probes.shift()?.done(undefined);
      pauses.push(world.events('state').at(-1).retryAfterMs);
      world.rest();
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    world.up();
    world.end.close();
    expect(world.events('state').at(-1).retryAfterMs).toBe(250);
  });

  test('a server that lets in and throws out at once is asked less and less often, until one lasts', () => {
    const world = new ClientWorld({ chance: 0.5 });
    const pauses: number[] = [];
    for (const lasts of [0, 0, 4_999, 0, 5_000, 0]) {
      world.up();
      world.pass(lasts);
      world.end.close(1011);
      pauses.push(world.events('state').at(-1).retryAfterMs);
      world.rest();
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 250, 250]);
  });

  test.each([
    { intervalMs: 0, timeoutMs: 0 },
    { intervalMs: 30_000, timeoutMs: 2 ** 40 },
    { intervalMs: -1, timeoutMs: 90_000 },
  ])('a welcome with %o is none', (heartbeat) => {
    const world = new ClientWorld();
    world.end.welcome({ heartbeat });
    expect(world.core.state).toBe('connecting');
    world.pass(10_000);
    expect(world.states).toEqual(['connecting', 'waiting']);
  });

  test('[CL2] a draining server’s slot is obeyed exactly, from the close or from the notice before', () => {
    const world = new ClientWorld();
    world.up();
    world.end.close(4003, '{"retryAfterMs":7000}');
    expect(world.events('state').at(-1).retryAfterMs).toBe(7_000);
    world.pass(7_000);
    world.up();
    world.end.push({ type: 'notification', action: 'draining', data: { retryAfterMs: 5_000 } });
    expect(world.events('draining')).toEqual([{ retryAfterMs: 5_000 }]);
    world.pass(1_000);
    world.end.close(1001);
    expect(world.events('state').at(-1).retryAfterMs).toBe(4_000);
  });

  test('[HS3] a refusal’s pause is obeyed, with jitter after it', () => {
    const world = new ClientWorld();
    world.end.close();
    expect(world.probes[0]?.token).toBe('token-1');
    world.probes[0]?.done({ code: 'overloaded', retryAfterMs: 3_000 });
    expect(world.events('state').at(-1)).toMatchObject({ retryAfterMs: 3_250, why: { code: 'overloaded' } });
  });

  test('a server that names a pause beyond reason is not believed', () => {
    const world = new ClientWorld();
    world.up();
    world.end.close(4003, '{"retryAfterMs":1e15}');
    expect(world.events('state').at(-1).retryAfterMs).toBe(3_600_000);
  });
});

describe('the end', () => {
  test.each([1001, 1005, 1006, 1011, 1015, 4000, 4001, 4002, 4004, 4499])(
    '[CL1] it comes back from %i',
    (code) => {
      const world = new ClientWorld();
      world.up();
      world.end.close(code);
      expect(world.core.state).toBe('waiting');
    },
  );

  test.each([
    [1000, 'closed'],
    [1002, 'closed'],
    [1003, 'closed'],
    [1007, 'closed'],
    [1009, 'closed'],
    [1010, 'closed'],
    [4500, 'closed'],
    [4501, 'unauthorized'],
    [4502, 'session_revoked'],
    [4503, 'too_many_bad_frames'],
    [4504, 'rate_abuse'],
    [4999, 'closed'],
  ])('[CL1] from %i it does not: %s', (close, code) => {
    const world = new ClientWorld();
    world.up();
    world.end.close(close);
    expect(world.core.state).toBe('dead');
    expect(world.events('state').at(-1)).toMatchObject({ why: { code } });
    const { done, codes } = answers();
    world.core.send('lobby', 'hi', {}, done);
    world.core.rooms({}, done);
    expect(codes()).toEqual([code, code]);
    world.pass(100_000);
    expect(world.ends).toHaveLength(1);
  });

  test.each(['origin_not_allowed', 'forbidden', 'not_found', 'bad_request', 'unauthorized'])(
    '[HS3] a first handshake that is refused with %s is the end',
    (code) => {
      const world = new ClientWorld();
      const { done, codes } = answers();
      world.core.join('lobby', {}, done);
      world.end.close();
      world.probes[0]?.done({ code });
      expect(world.states).toEqual(['connecting', 'dead']);
      expect(codes()).toEqual([code]);
    },
  );

  test.each([
    'rate_limited',
    'draining',
    'overloaded',
    'unavailable',
    'upgrade_required',
    'too_many_connections',
  ])('[HS3] %s is not', (code) => {
    const world = new ClientWorld();
    world.end.close();
    world.probes[0]?.done({ code });
    expect(world.core.state).toBe('waiting');
  });

  test('not_found at a server that has admitted the client before comes from a proxy without a server', () => {
    const world = new ClientWorld();
    world.up();
    world.again();
    world.end.close();
    world.probes[0]?.done({ code: 'not_found' });
    expect(world.core.state).toBe('waiting');
  });

  test('[HS3] what the server said of it is passed on, with the address, but for what may be a secret in it', () => {
    const world = new ClientWorld({ url: 'ws://host/ws?key=hush' });
    world.end.close();
    world.probes[0]?.done({ code: 'unauthorized', message: 'the token is over' });
    const why = { code: 'unauthorized', message: 'ws://host/ws refused us: the token is over' };
    expect(world.events('state').at(-1)).toEqual({ state: 'dead', why });
  });

  test('a token that was taken before and is refused now is asked for anew, once', () => {
    const tokens = ['one', 'two', 'three'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    world.up();
    world.again();
    world.end.close();
    world.probes[0]?.done({ code: 'unauthorized' });
    expect(world.core.state).toBe('waiting');
    world.rest();
    expect(world.end.protocols[1]).toBe('bearer.two');
    world.end.close();
    world.probes[1]?.done({ code: 'unauthorized' });
    expect(world.core.state).toBe('dead');
  });

  test('what gives tokens may have had an old one: it is asked once more', () => {
    const tokens = ['old', 'new', 'newest'];
    const world = new ClientWorld({ token: (done) => done(tokens.shift()) });
    world.end.close();
    world.probes.shift()?.done({ code: 'unauthorized' });
    world.rest();
    expect(world.end.protocols[1]).toBe('bearer.new');
    world.up();
    expect(world.core.state).toBe('alive');
  });

  test('the client waits no longer than 10 s for a token, for whatever it needs it', () => {
    let isSilent = true;
    const world = new ClientWorld({ token: (done) => (isSilent ? undefined : done('one')) });
    world.pass(10_000);
    expect(world.events('state').at(-1)).toMatchObject({ state: 'waiting', why: { code: 'no_token' } });
    isSilent = false;
    world.rest();
    world.up();
    isSilent = true;
    const [late, closed] = [answers(), answers()];
    world.core.refresh(undefined, late.done);
    world.pass(10_000);
    expect(late.codes()).toEqual(['no_token']);
    world.core.refresh(undefined, closed.done);
    world.core.close();
    expect(closed.codes()).toEqual(['closed']);
  });

  test('4005 with a token that is a string is the end', () => {
    const world = new ClientWorld();
    world.up();
    world.end.close(4005);
    expect(world.events('state').at(-1)).toMatchObject({ state: 'dead', why: { code: 'unauthorized' } });
  });

  test('closing is for good: the socket is closed with 1000, what waits is answered, no timer is left', () => {
    const world = new ClientWorld();
    world.inRoom();
    const { done, codes } = answers();
    world.core.send('lobby', 'hi', {}, done);
    world.core.rooms({}, done);
    world.core.close();
    expect(world.end.closedWith).toBe(1000);
    expect(codes().toSorted()).toEqual(['closed', 'outcome_unknown']);
    world.end.chat('lobby', 1);
    world.end.close(1006);
    world.pass(1_000_000);
    expect(world.states).toEqual(['connecting', 'alive', 'dead']);
    expect(world.seen()).toEqual([]);
    world.core.close();
  });

  test('no timer outlives it: neither of what is to be asked again, nor of what is held, posted or left', () => {
    const [socket, rest] = [new ClientWorld(), new ClientWorld()];
    const { end } = socket;
    socket.inRoom();
    const left = answers();
    socket.core.join('den', {}, () => {});
    end.refuse(end.take('join'), 'unavailable', 60_000);
    end.chat('lobby', 5);
    end.refuse(end.take('history'), 'unavailable', 60_000);
    socket.core.leave('lobby', left.done);
    end.refuse(end.take('leave'), 'unavailable', 60_000);
    socket.core.send('den', 'hi', {}, () => {});
    end.refuse(end.take('chat'), 'unavailable', 60_000);
    rest.core.send('den', 'hi', {}, () => {});
    for (let at = 0; at < 3; at++) {
      rest.end.close();
      rest.probes.shift()?.done(undefined);
      if (at < 2) rest.rest();
    }
    expect(rest.posts).toHaveLength(1);
    for (const world of [socket, rest]) {
      expect(world.timers.size).toBeGreaterThan(1);
      world.core.close();
      expect(world.timers.size).toBe(0);
    }
    expect(left.codes()).toEqual(['ok']);
  });

  test('closing from within an event during the connect leaves nothing behind either', () => {
    const token = (done: (token: string) => void): void => done('one');
    const reset = new ClientWorld({ token });
    reset.inRoom();
    reset.core.on('reset', () => reset.core.close());
    reset.again();
    reset.end.welcome({ log: '22222222-2222-4222-8222-222222222222' });
    reset.end.resumed({ broadcast: { seq: 0, reset: true }, user: { seq: 0, reset: true } });
    const tooLarge = new ClientWorld({ token });
    tooLarge.core.send('lobby', 'x'.repeat(5_000), {}, () => tooLarge.core.close());
    tooLarge.end.welcome({ limits: { frameBytes: 4_096 } });
    for (const world of [reset, tooLarge]) {
      expect(world.core.state).toBe('dead');
      expect(world.timers.size).toBe(0);
      expect(world.told.at(-1)).toMatchObject(['state', { state: 'dead' }]);
    }
    expect(reset.events('reset')).toHaveLength(1);
  });

  test('closing from within an answer that a silent server’s end brings: no event comes after dead', () => {
    const world = new ClientWorld();
    world.inRoom();
    world.pass(29_000);
    world.core.leave('lobby', () => world.core.close());
    world.pass(500_000);
    expect(world.states.at(-1)).toBe('dead');
    expect(world.timers.size).toBe(0);
  });

  test('closing from within a listener of any state leaves nothing behind', () => {
    for (const state of ['connecting', 'alive', 'waiting', 'suspect']) {
      const world = new ClientWorld();
      world.core.on('state', (event) => {
        if (event.state === state) world.core.close();
      });
      world.up();
      world.pass(30_000);
      world.end.close();
      world.pass(100_000);
      if (world.core.state !== 'dead') world.end.close();
      if (state === 'connecting') world.pass(100_000);
      expect(world.core.state, state).toBe('dead');
    }
  });
});

describe('silence', () => {
  test('[PU3] a ping is answered', () => {
    const world = new ClientWorld();
    world.up();
    world.end.push({ type: 'heartbeat', status: 'ping', timestamp: '2026-01-01T00:00:00.000Z' });
    expect(world.end.take('heartbeat')).toEqual({ type: 'heartbeat', status: 'pong' });
  });

  test('after the server’s interval it is suspect and pings; a word makes it alive', () => {
    const world = new ClientWorld();
    world.up();
    world.pass(20_000);
    world.end.chat('lobby', 1);
    world.pass(29_999);
    expect(world.core.state).toBe('alive');
    world.pass(1);
    expect(world.core.state).toBe('suspect');
    expect(world.end.take('heartbeat')).toEqual({ type: 'heartbeat', status: 'ping' });
    world.end.push({ type: 'heartbeat', status: 'pong', timestamp: '2026-01-01T00:00:00.000Z' });
    expect(world.core.state).toBe('alive');
  });

  test('another interval without a word, and it goes and comes back', () => {
    const world = new ClientWorld();
    world.up();
    world.pass(60_000);
    expect(world.core.state).toBe('waiting');
    expect(world.end.closedWith).toBe(4000);
    world.pass(250);
    expect(world.ends).toHaveLength(2);
  });

  test('what an old socket still says is not heard', () => {
    const world = new ClientWorld();
    const old = world.inRoom();
    world.pass(61_000);
    world.up();
    old.chat('lobby', 1);
    old.close(4502);
    expect(world.core.state).toBe('alive');
    expect(world.seen()).toEqual([]);
  });
});

describe('[PU3] a page that is put away', () => {
  test('it closes so that it may come back, waits for nothing, and comes back at once when it is shown', () => {
    const world = new ClientWorld();
    const end = world.inRoom();
    const { done, codes } = answers();
    world.core.rooms({}, done);
    world.core.send('lobby', 'hi', {}, () => {});
    world.page?.hidden();
    expect(end.closedWith).toBe(4000);
    expect(codes()).toEqual(['unavailable']);
    expect(world.events('state').at(-1)).toEqual({ state: 'idle' });
    end.chat('lobby', 1);
    end.close(1006);
    world.pass(30_000);
    expect(world.ends).toHaveLength(1);
    world.page?.shown();
    expect(world.core.state).toBe('connecting');
    const again = world.end;
    again.welcome();
    again.resumed({ broadcast: { seq: 3 }, user: { seq: 7 }, 'room:lobby': { seq: 0 } });
    expect(again.take('chat')).toMatchObject({ content: 'hi' });
    again.chat('lobby', 1);
    expect(world.seen()).toEqual([1]);
  });

  test.each(['connecting', 'waiting', 'suspect'] as const)('also when it is %s', (state) => {
    const world = new ClientWorld();
    if (state === 'waiting') world.end.close();
    if (state === 'waiting') world.probes.shift()?.done(undefined);
    if (state === 'suspect') world.up();
    if (state === 'suspect') world.pass(30_000);
    expect(world.core.state).toBe(state);
    world.page?.hidden();
    expect(world.core.state).toBe('idle');
    expect(world.timers.size).toBe(0);
    world.page?.shown();
    expect(world.core.state).toBe('connecting');
    world.up();
    expect(world.core.state).toBe('alive');
  });

  test('a page that is shown and was not put away changes nothing; a closed client ignores the page', () => {
    const world = new ClientWorld();
    world.page?.shown();
    world.up();
    world.page?.shown();
    expect(world.states).toEqual(['connecting', 'alive']);
    world.core.close();
    expect(world.page).toBeUndefined();
  });

  test('each connection begins with a sign of life, behind the resume, so that frames are what it is judged by', () => {
    const world = new ClientWorld();
    world.up();
    expect(world.end.sign).toEqual({ type: 'heartbeat', status: 'pong' });
    world.again();
    world.up();
    expect(world.end.sign).toEqual({ type: 'heartbeat', status: 'pong' });
  });
});

describe('nonsense', () => {
  test.each([
    'hello',
    '',
    '7',
    '[]',
    'null',
    '{}',
    '{"type":7}',
    '{"type":"chat","room":"lobby","seq":-1}',
    '{"type":"chat","room":"lobby","seq":1.5,"id":"x","from":"b","content":"c","timestamp":"t"}',
    '{"type":"notification"}',
    '{"type":"notification","action":"left","room":"lobby","data":{"users":"bob"}}',
    '{"type":"ack"}',
    '{"type":"error","code":7}',
    '{"type":"notification","action":"skipped","data":[]}',
  ])('%s is reported and does no harm', (text) => {
    const world = new ClientWorld();
    world.inRoom();
    world.end.raw(text);
    expect(world.events('error')).toMatchObject([{ code: 'bad_server_frame' }]);
    world.end.chat('lobby', 1);
    expect(world.seen()).toEqual([1]);
  });

  test.each([
    '{"type":"poem"}',
    '{"type":"notification","action":"members","room":"lobby","data":{"count":3}}',
    '{"type":"notification","action":"__proto__"}',
    '{"type":"ack","id":"nobody"}',
    '{"type":"error","id":"nobody","code":"internal","message":"m","retryable":false}',
  ])('%s is ignored: a later server may say more', (text) => {
    const world = new ClientWorld();
    world.inRoom();
    world.end.raw(text);
    expect(world.events('error')).toEqual([]);
  });

  test('more than 20 in a minute, and it goes and comes back, later each time', () => {
    const world = new ClientWorld();
    const pauses: number[] = [];
    for (let time = 0; time < 3; time++) {
      world.up();
      for (let at = 0; at < 20; at++) world.end.raw('hello');
      expect(world.core.state).toBe('alive');
      world.end.raw('hello');
      pauses.push(world.events('state').at(-1).retryAfterMs);
      expect(world.events('state').at(-1)).toMatchObject({
        state: 'waiting',
        why: { code: 'bad_server_frame' },
      });
      world.rest();
    }
    expect(pauses).toEqual([250, 500, 1_000]);
  });

  test('errors without an id are reported', () => {
    const world = new ClientWorld();
    world.up();
    world.end.push({ type: 'error', code: 'bad_frame', message: 'what?', field: 'room', retryable: false });
    expect(world.events('error')).toEqual([{ code: 'bad_frame', message: 'what?', field: 'room' }]);
  });

  test('an unknown event or a listener that is no function is refused, and a listener may throw a value without a text', () => {
    const world = new ClientWorld();
    for (const wrong of [
      ['mesage', () => {}],
      ['message', 7],
    ])
      expect(() => world.core.on(...(wrong as [never, never]))).toThrow(
        expect.objectContaining({ name: 'VagusError', code: 'bad_option' }),
      );
    world.core.on('state', () => {
      throw Object.create(null);
    });
    world.up();
    expect(world.core.state).toBe('alive');
    expect(world.events('error')).toMatchObject([{ code: 'listener_failed' }]);
  });

  test('a listener that throws hurts neither others nor the client', () => {
    const world = new ClientWorld();
    world.inRoom();
    const seen: number[] = [];
    world.core.on('message', () => {
      throw new Error('mine');
    });
    world.core.on('error', () => {
      throw new Error('mine too');
    });
    const off = world.core.on('message', ({ seq }) => void seen.push(seq));
    world.end.chat('lobby', 1);
    off();
    world.end.chat('lobby', 2);
    expect(seen).toEqual([1]);
    expect(world.seen()).toEqual([1, 2]);
    expect(world.events('error')).toMatchObject([{ code: 'listener_failed' }, { code: 'listener_failed' }]);
    world.core.rooms({}, () => {
      throw new Error('mine');
    });
    world.end.refuse(world.end.take('rooms'), 'unavailable');
    expect(world.core.state).toBe('alive');
  });
});
