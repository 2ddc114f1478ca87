import { describe, expect, test } from 'vitest';
import { answers, ClientWorld, type ClientWorldOptions } from '../support/client-world.ts';

// Which token is shown, and what is done when it is not taken.

const HOUR_MS = 3_600_000;

/** A function that gives what it is told to give, and counts. */
class Source {
  asked = 0;
  give: () => string | undefined = () => undefined;
  readonly source = (done: (token: string | undefined) => void): void => {
    this.asked++;
    done(this.give());
  };
}

/** A client whose function gives tokens of an hour; it was let in with the first, at the server's time. */
function admitted(options: ClientWorldOptions = {}) {
  const tokens = new Source();
  const world: ClientWorld = new ClientWorld({ token: tokens.source, ...options });
  const fresh = (): string => world.jwt(HOUR_MS);
  tokens.give = fresh;
  world.rest();
  const first = shown(world);
  welcome(world, HOUR_MS);
  return { world, tokens, first, fresh };
}

const iso = (ms: number): string => new Date(ms).toISOString();

function welcome(world: ClientWorld, leftMs: number): void {
  world.up({ time: iso(world.serverNow), expiresAt: iso(world.serverNow + leftMs) });
}

const shown = (world: ClientWorld): string => world.end.protocols[1]?.replace('bearer.', '') ?? '';

/** HTTP's `Date`, cut to the second. */
const dateOf = (world: ClientWorld): number => Math.floor(world.serverNow / 1_000) * 1_000;

/** The handshake is refused, and the question after it answered. */
function refuse(world: ClientWorld, refusal: object): void {
  world.end.close();
  world.probes.shift()?.done({ code: 'unauthorized', time: dateOf(world), ...refusal });
}

const last = (world: ClientWorld): any => world.events('state').at(-1);

/** Time goes by; what the client waits for meanwhile, each time. */
function pauses(world: ClientWorld, ms: number): number[] {
  const before = world.events('state').length;
  world.pass(ms);
  const since = world.events('state').slice(before);
  return since.flatMap(({ state, retryAfterMs }) => (state === 'waiting' ? [retryAfterMs as number] : []));
}

/** Until it tries a socket again, a minute at most. */
function opens(world: ClientWorld): void {
  const before = world.ends.length;
  for (let at = 0; at < 6_000 && world.ends.length === before; at++) world.pass(10);
  expect(world.ends).toHaveLength(before + 1);
}

/** Time goes by on a connection on which the server is heard. */
function stay(world: ClientWorld, ms: number): void {
  for (let left = ms; left > 0; left -= 20_000) {
    world.pass(Math.min(left, 20_000));
    world.end.push({ type: 'heartbeat', status: 'ping', timestamp: iso(world.serverNow) });
  }
}

/** No server answers for so long. */
function goOffline(world: ClientWorld, ms: number): void {
  for (const end = world.timeline.now + ms; world.timeline.now < end; world.pass(100)) {
    if (world.core.state === 'alive' || world.core.state === 'connecting') world.end.close();
    world.probes.shift()?.done(undefined);
  }
}

describe('a token that is over', () => {
  test('a device that has slept does not show the one it had', () => {
    const { world, tokens, first, fresh } = admitted();
    world.sleptMs = 2 * HOUR_MS;
    world.end.close(4001);
    tokens.give = fresh;
    world.rest();
    expect(tokens.asked).toBe(3);
    expect(shown(world)).not.toBe(first);
    welcome(world, HOUR_MS);
    expect(world.core.state).toBe('alive');
  });

  test('a function that gives it again is asked again, with growing pauses, for as long as it takes', () => {
    const { world, tokens, first, fresh } = admitted({ chance: 0.9 });
    stay(world, HOUR_MS * 0.7);
    tokens.give = () => first;
    goOffline(world, HOUR_MS * 0.3);
    // Awake and offline: by the clock that never falls the token is over.
    const sockets = world.ends.length;
    const waits = pauses(world, 120_000);
    expect(world.ends).toHaveLength(sockets);
    expect(last(world)).toMatchObject({ state: 'waiting', why: { code: 'no_token' } });
    expect(last(world).why.message).toMatch(/^the token is over, and has been for \d+ s$/);
    expect(waits.length).toBeGreaterThan(4);
    expect(Math.max(...waits)).toBeLessThanOrEqual(20_000);
    tokens.give = fresh;
    opens(world);
    welcome(world, HOUR_MS);
    expect(world.core.state).toBe('alive');
  });

  test('asleep, awake and given the old one: it is shown once at most, and never after the server’s time is known', () => {
    const { world, tokens, first, fresh } = admitted();
    tokens.give = () => first;
    world.sleptMs = 2 * HOUR_MS;
    world.end.close(4001);
    world.rest();
    // Only the wall clock says that it is over, and that may be wrong.
    expect(shown(world)).toBe(first);
    refuse(world, {});
    expect(world.core.state).toBe('waiting');
    const sockets = world.ends.length;
    world.pass(90_000);
    expect(world.ends).toHaveLength(sockets);
    expect(last(world)).toMatchObject({ why: { code: 'no_token' } });
    tokens.give = fresh;
    opens(world);
    expect(shown(world)).not.toBe(first);
    welcome(world, HOUR_MS);
    expect(world.core.state).toBe('alive');
  });

  test('a page that begins with an old one from a store learns the time from the refusal', () => {
    const tokens = new Source();
    const world = new ClientWorld({ token: tokens.source });
    const old = world.jwt(-60_000);
    tokens.give = () => old;
    world.rest();
    expect(shown(world)).toBe(old);
    refuse(world, {});
    world.pass(60_000);
    expect(world.ends).toHaveLength(1);
    expect(tokens.asked).toBeGreaterThan(4);
    expect(world.core.state).not.toBe('dead');
    tokens.give = () => world.jwt(HOUR_MS);
    opens(world);
  });

  test('a wall clock that was set hides no good token', () => {
    const { world, tokens } = admitted();
    world.wallOffMs = 10 * HOUR_MS;
    world.again();
    expect(tokens.asked).toBe(3);
    welcome(world, HOUR_MS);
    expect(world.core.state).toBe('alive');
    // Set right by the welcome.
    world.again();
    expect(tokens.asked).toBe(3);
  });

  test('one that closed with 4005 is not shown again, whatever the clocks say', () => {
    const { world, tokens, first } = admitted();
    tokens.give = () => first;
    world.end.close(4005, 'token_expired');
    world.pass(60_000);
    expect(world.ends).toHaveLength(1);
    expect(last(world)).toMatchObject({ state: 'waiting', why: { code: 'no_token' } });
  });

  test('where there is no other it is the end', () => {
    const world = new ClientWorld({ token: new ClientWorld().jwt(60_000) });
    welcome(world, 60_000);
    goOffline(world, 90_000);
    expect(last(world)).toMatchObject({ state: 'dead', why: { code: 'unauthorized' } });
  });

  test('it is not what is refreshed with', () => {
    const { world, tokens, first } = admitted();
    const old = answers();
    world.core.refresh(world.jwt(-1_000), old.done);
    expect(old.codes()).toEqual(['no_token']);
    tokens.give = () => world.jwt(-1_000);
    world.core.refresh(undefined, old.done);
    expect(old.codes()).toEqual(['no_token', 'no_token']);
    expect(world.end.has('refresh')).toBe(false);
    tokens.give = () => first;
    world.core.refresh(undefined, old.done);
    expect(world.end.has('refresh')).toBe(true);
  });

  test('it is not what is sent with by REST', () => {
    const { world, tokens, first } = admitted();
    world.core.send('lobby', 'hi', {}, () => {});
    goOffline(world, 10_000);
    expect(world.posts).toHaveLength(1);
    tokens.give = () => first;
    const body = { code: 'unauthorized', message: 'the token has expired' };
    world.posts[0]?.done({ status: 401, body, time: dateOf(world) + 2 * HOUR_MS });
    goOffline(world, 20_000);
    expect(world.posts).toHaveLength(1);
    tokens.give = () => world.jwt(3 * HOUR_MS);
    goOffline(world, 20_000);
    expect(world.posts).toHaveLength(2);
  });
});

describe('a token that is replaced in time', () => {
  test('what fails is tried again, with growing pauses, as long as the connection is there', () => {
    const { world, tokens, fresh } = admitted({ chance: 0.9 });
    tokens.give = () => undefined;
    const before = tokens.asked;
    stay(world, HOUR_MS * 0.8 - 1);
    expect(tokens.asked).toBe(before);
    stay(world, 120_000);
    expect(tokens.asked - before).toBeGreaterThan(6);
    expect(tokens.asked - before).toBeLessThan(30);
    tokens.give = fresh;
    while (!world.end.has('refresh')) stay(world, 1_000);
    world.end.ack(world.end.take('refresh'), { expiresAt: iso(world.serverNow + HOUR_MS) });
    const asked = tokens.asked;
    stay(world, HOUR_MS * 0.79);
    expect(tokens.asked).toBe(asked);
    world.core.close();
    expect(world.timers.size).toBe(0);
  });

  test('one on a connection that is lost meanwhile is of no concern any more', () => {
    const { world, tokens } = admitted();
    stay(world, HOUR_MS * 0.8);
    world.end.take('refresh');
    world.end.close();
    const asked = tokens.asked;
    world.pass(9_000);
    expect(tokens.asked).toBe(asked);
  });
});

describe('[JW5] a token that is refused', () => {
  test('fresh ones, twice in a row, are the end; the second is asked for a second later at the earliest', () => {
    const { world, tokens } = admitted({ chance: 0 });
    world.again();
    refuse(world, {});
    expect(last(world)).toMatchObject({
      state: 'waiting',
      retryAfterMs: 1_000,
      why: { code: 'unauthorized' },
    });
    const asked = tokens.asked;
    world.rest();
    expect(tokens.asked).toBe(asked + 1);
    refuse(world, {});
    expect(last(world)).toMatchObject({ state: 'dead', why: { code: 'unauthorized' } });
  });

  test('while the server cannot tell, it waits as told, asks for another, and comes in with that', () => {
    const { world, tokens, first } = admitted({ chance: 0 });
    world.again();
    for (let at = 0; at < 3; at++) {
      refuse(world, { code: 'unavailable', retryAfterMs: 5_500 });
      expect(last(world)).toMatchObject({ state: 'waiting', retryAfterMs: 5_500 });
      const asked = tokens.asked;
      world.rest();
      expect(tokens.asked).toBe(asked + 1);
    }
    expect(shown(world)).not.toBe(first);
    const asked = tokens.asked;
    welcome(world, HOUR_MS);
    world.again();
    expect(tokens.asked).toBe(asked);
  });

  test('where there is no other while it cannot tell, the one there is goes on', () => {
    const { world, tokens, first } = admitted();
    world.again();
    tokens.give = () => undefined;
    refuse(world, { code: 'unavailable', retryAfterMs: 1_000 });
    world.rest();
    expect(shown(world)).toBe(first);
  });
});
