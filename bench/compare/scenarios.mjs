import { setTimeout as sleep } from 'node:timers/promises';
import { Crowd } from './crowd.mjs';
import { load } from './load.mjs';

const MESSAGES = {
  cpuUs: 'CPU µs a message',
  perSecond: 'messages a second',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
};
const DELIVERIES = { ...MESSAGES, cpuUs: 'CPU µs a delivery' };

/** What a server does after the last of a wave is in: presence, its first heartbeats. */
const SETTLE_MS = 3_000;

/** Members of a room where many connect. */
const ROOM = 10;

/** Connections that do nothing and are in no room. The first ones fill what does not grow with their number. */
async function idle(server, { first = 5_000, further = 10_000 }) {
  const crowd = new Crowd(server);
  try {
    await crowd.grow(first);
    await sleep(SETTLE_MS);
    const before = { ...(await server.memory()), cpuMs: server.cpuMs() };
    await crowd.grow(further);
    const cpuMs = server.cpuMs() - before.cpuMs;
    await Promise.race([sleep(SETTLE_MS), crowd.fault]);
    const after = await server.memory();
    return {
      heapBytes: (after.heapUsed - before.heapUsed) / further,
      rssBytes: (after.rss - before.rss) / further,
      cpuUs: (cpuMs * 1_000) / further,
    };
  } finally {
    crowd.drop();
  }
}

/** Connections that come with a token and join a room of ten. */
async function handshake(server, { first = 1_000, further = 4_000 }) {
  const crowd = new Crowd(server);
  const rooms = { roomOf: (n) => `r${Math.floor(n / ROOM)}` };
  try {
    await crowd.grow(first, rooms);
    await Promise.race([sleep(SETTLE_MS), crowd.fault]);
    const before = server.cpuMs();
    await crowd.grow(further, rooms);
    return { cpuUs: ((server.cpuMs() - before) * 1_000) / further };
  } finally {
    crowd.drop();
  }
}

const usual = { warm: 3, seconds: 4 };

/** Each with what it is, its figures, and how one run of it is done: `run(server, options)` resolves with the figures. */
export const SCENARIOS = {
  echo: {
    what: '200 rooms of one, 64 messages in flight',
    figures: MESSAGES,
    run: load({ ...usual, rooms: 200, members: 1, inFlight: 64 }),
  },
  lone: {
    what: 'one message alone in flight, after 10 s of that',
    figures: MESSAGES,
    run: load({ rooms: 1, members: 1, inFlight: 1, warm: 10, seconds: 4 }),
  },
  rooms: {
    what: '500 rooms of ten, 64 messages in flight',
    figures: DELIVERIES,
    run: load({ ...usual, rooms: 500, members: 10, inFlight: 64 }),
  },
  idle: {
    what: '10,000 idle connections after 5,000, each of a user of its own',
    figures: { heapBytes: 'live heap, bytes each', rssBytes: 'RSS, bytes each', cpuUs: 'CPU µs to connect' },
    run: idle,
  },
  handshake: {
    what: 'a handshake with its token and a join, 64 at a time',
    figures: { cpuUs: 'CPU µs a handshake' },
    run: handshake,
  },
  steady: {
    what: '1,000 messages a second over 200 rooms of one, evenly',
    figures: MESSAGES,
    run: load({ ...usual, rooms: 200, members: 1, rate: 1_000 }),
  },
  busy: {
    what: '200 rooms of one, 400 messages in flight',
    figures: MESSAGES,
    run: load({ ...usual, rooms: 200, members: 1, inFlight: 400 }),
  },
  full: {
    what: '200 rooms of one, 1,000 messages in flight',
    figures: MESSAGES,
    run: load({ ...usual, rooms: 200, members: 1, inFlight: 1_000 }),
  },
};
