import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationHooks } from '../../src/engine/application-hooks.ts';
import { expect, test } from 'vitest';
import { SystemClock } from '../../src/host/system-clock.ts';
import { SystemEntropy } from '../../src/host/system-entropy.ts';
import { Random } from '../../src/sim/kit/random.ts';
import { SimClock } from '../../src/sim/ports/sim-clock.ts';
import { EPOCH_MS } from '../../src/sim/kit/timeline.ts';
import { SimEntropy } from '../../src/sim/ports/sim-entropy.ts';
import { later, SimHooks } from '../../src/sim/ports/sim-hooks.ts';
import { SimNetwork } from '../../src/sim/ports/sim-network.ts';
import { simToken } from '../../src/sim/kit/tokens.ts';
import { SimTokens } from '../../src/sim/ports/sim-tokens.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';
import { JoseVerifier } from '../../src/transport/auth/jose-verifier.ts';
import { signToken } from '../../src/transport/auth/sign.ts';
import { LocalBus } from '../../src/transport/bus/local-bus.ts';
import { busContract, listening } from '../contract/bus.contract.ts';
import { clockContract } from '../contract/clock.contract.ts';
import { entropyContract } from '../contract/entropy.contract.ts';
import { hooksContract, type Move } from '../contract/hooks.contract.ts';
import { tokensContract } from '../contract/tokens.contract.ts';

// Every port, the real and the simulated one, under the same suite: that is what keeps the simulator honest (D17).

const enter = (run: () => void): void => run();

/** Virtual time that is moved by hand. */
function virtual() {
  const timeline = new Timeline();
  const pass = (ms: number): void => {
    const until = timeline.now + ms;
    while (timeline.step(until));
  };
  const clock = new SimClock({ timeline, enter, random: new Random(1, 'slices'), jumpMs: () => 0 });
  return { timeline, clock, pass };
}

clockContract('the machine', () => ({
  clock: new SystemClock(),
  pass: (ms) => sleep(ms),
}));
clockContract('simulated', virtual);

entropyContract('the machine', () => ({
  entropy: new SystemEntropy(),
  pass: (ms) => sleep(ms),
}));
entropyContract('simulated', () => {
  const { clock, pass } = virtual();
  return { entropy: new SimEntropy(new Random(1, 'entropy'), () => clock.wall()), pass };
});

busContract('simulated', () => {
  const { timeline, pass } = virtual();
  const network = new SimNetwork(timeline, new Random(1, 'network'));
  return {
    start: (self) =>
      listening(
        network.attach(self, { enter, telemetry: { count: () => {}, log: () => {} }, isClustered: false }),
      ),
    end: (self) => network.detach(self),
    pass: () => pass(1_000),
  };
});

test('the bus of a lone node reaches no other node', () => {
  const { bus, heard } = listening(new LocalBus());
  expect(bus.send('n2.1', { type: 'whois', to: 'room:a' })).toBe(false);
  bus.flush();
  expect(heard).toEqual([]);
});

tokensContract('jose', () => {
  const secret = randomBytes(32).toString('hex');
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const wall = (): number => now;
  const verifier = new JoseVerifier({
    secret: new TextEncoder().encode(secret),
    jwks: undefined,
    algorithms: [],
    issuer: undefined,
    audience: undefined,
    ttlMaxMs: 86_400_000,
    wall,
    now: () => performance.now(),
  });
  return {
    verifier,
    now,
    sign: ({ user, session, expiresAt }) =>
      signToken({ user, secret, session: session as string, ttlMs: expiresAt - now, now }),
    settle: () => sleep(1),
  };
});
tokensContract('simulated', () => {
  const { timeline, clock, pass } = virtual();
  const verifier = new SimTokens({
    timeline,
    enter,
    random: new Random(1, 'tokens'),
    wall: () => clock.wall(),
  });
  return { verifier, now: EPOCH_MS, sign: simToken, settle: () => pass(1) };
});

hooksContract('an application’s functions', (application) => {
  const answer = async (move: Move): Promise<never> => {
    if ('throws' in move) throw move.throws;
    if ('hangs' in move) return new Promise<never>(() => {});
    if (move.afterMs !== undefined) await sleep(move.afterMs);
    return move.says as never;
  };
  // What reaches a function is what was asked, but for data and claims, which are no text any more.
  const hooks = new ApplicationHooks({
    authorize: ({ claims, ...request }) =>
      answer(application({ hook: 'authorize', ...request, claims: JSON.stringify(claims) })),
    beforeMessage: ({ data, ...request }) =>
      answer(application({ hook: 'beforeMessage', ...request, data: JSON.stringify(data) })),
  });
  return { hooks, pass: (ms) => sleep(ms) };
});
hooksContract('simulated', (application) => {
  const { timeline, pass } = virtual();
  const answer = (move: Move): unknown => {
    if ('throws' in move) throw move.throws;
    if ('hangs' in move) return later(Infinity, true);
    return move.afterMs === undefined ? move.says : later(move.afterMs, move.says);
  };
  return {
    hooks: new SimHooks({ timeline, enter, application: (question) => answer(application(question)) }),
    pass,
  };
});

test('[D17] a hook that returns a promise is an error in a simulation', () => {
  const { timeline } = virtual();
  const hooks = new SimHooks({ timeline, enter, application: () => Promise.resolve(true) });
  const question = {
    hook: 'authorize',
    user: 'a',
    claims: '{}',
    action: 'join',
    room: 'r',
  } as const;
  expect(() => hooks.ask(question, 1_000, () => {})).toThrow(/use later/);
});
