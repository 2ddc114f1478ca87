import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '../../src/host/system-clock.ts';
import { SystemEntropy } from '../../src/host/system-entropy.ts';
import { Random } from '../../src/sim/random.ts';
import { SimBus } from '../../src/sim/sim-bus.ts';
import { SimClock, EPOCH_MS } from '../../src/sim/sim-clock.ts';
import { SimEntropy } from '../../src/sim/sim-entropy.ts';
import { simToken, SimTokens } from '../../src/sim/sim-tokens.ts';
import { Timeline } from '../../src/sim/timeline.ts';
import { JoseVerifier } from '../../src/transport/auth/jose-verifier.ts';
import { signToken } from '../../src/transport/auth/sign.ts';
import { LocalBus } from '../../src/transport/bus/local-bus.ts';
import { busContract, type BusUnderTest } from '../contract/bus.contract.ts';
import { clockContract } from '../contract/clock.contract.ts';
import { entropyContract } from '../contract/entropy.contract.ts';
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

busContract('local', () => {
  const delivered: BusUnderTest['delivered'] = [];
  const bus = new LocalBus('n1');
  bus.connect((channel, message) => delivered.push({ channel, message }));
  return { bus, delivered };
});
busContract('simulated', () => {
  const delivered: BusUnderTest['delivered'] = [];
  return { bus: new SimBus('n1', (channel, message) => delivered.push({ channel, message })), delivered };
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
