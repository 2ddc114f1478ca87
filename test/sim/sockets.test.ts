import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Link, type Chunk } from '../../src/sim/ports/link.ts';
import { Random } from '../../src/sim/kit/random.ts';
import { SimSockets } from '../../src/sim/ports/sim-sockets.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';
import { Admission } from '../../src/transport/http/admission.ts';
import { Origins } from '../../src/transport/http/origins.ts';
import { WsServer } from '../../src/transport/ws/ws-server.ts';
import { WsSockets } from '../../src/transport/ws/ws-sockets.ts';
import { INBOUND, OUTBOUND_MAX_BYTES, socketsContract, type TestPeer } from '../contract/sockets.contract.ts';

const claims = { user: 'ann', session: undefined, isAdmin: false, issuedAt: undefined, expiresAt: 0 };

socketsContract('ws', async (inbox) => {
  const sockets = new WsSockets({
    outboundMaxBytes: OUTBOUND_MAX_BYTES,
    inbound: INBOUND,
    now: () => performance.now(),
    onBroken: () => {},
    onOverrun: () => {},
  });
  sockets.connect(inbox);
  const server = createServer();
  const ws = new WsServer({
    sockets,
    frameBytes: 65_536,
    fragmentsPerMessage: 64,
    admission: new Admission({
      tokenInUrl: false,
      origins: new Origins([]),
      connectionsPerSecond: 0,
      trustedProxies: [],
      connectionsMax: 0,
      connections: () => sockets.size,
      closedBecause: () => undefined,
      authenticate: (_, done) => done({ ok: true, claims }),
      admit: (_user, _isKept, done) => done(false),
      giveBack: () => {},
    }),
    onRefused: () => {},
    onFault: () => {},
  });
  ws.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const until = async (isTrue: () => boolean): Promise<void> => {
    for (let waited = 0; !isTrue(); waited += 2) {
      if (waited > 10_000) throw new Error('it does not come');
      await sleep(2);
    }
  };
  return {
    sockets,
    until,
    settle: () => sleep(30),
    connect: async (): Promise<TestPeer> => {
      const before = sockets.size;
      const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
        headers: { authorization: 'Bearer x' },
        perMessageDeflate: false,
      });
      const received: string[] = [];
      let closedWith: number | undefined;
      client.on('message', (data: Buffer) => received.push(data.toString()));
      client.on('close', (code) => (closedWith = code));
      client.on('error', () => {});
      await once(client, 'open');
      await until(() => sockets.size === before + 1);
      return {
        received,
        get closedWith() {
          return closedWith;
        },
        send: (text) => client.send(text),
        pong: () => client.pong(),
        close: (code) => client.close(code),
        abort: () => client.terminate(),
        stopReading: () => client.pause(),
        readAgain: () => client.resume(),
      };
    },
    close: async () => {
      sockets.terminateAll();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
});

socketsContract('simulated', async (inbox) => {
  const timeline = new Timeline();
  const sockets = new SimSockets({
    timeline,
    outboundMaxBytes: OUTBOUND_MAX_BYTES,
    inbound: INBOUND,
    enter: (run) => run(),
    onFlush: () => {},
    onBuffered: () => {},
    onClosing: () => {},
  });
  sockets.connect(inbox);
  let links = 0;
  return {
    sockets,
    until: async (isTrue) => {
      const end = timeline.now + 10_000;
      while (!isTrue()) if (!timeline.step(end)) throw new Error('it does not come');
    },
    settle: async () => {
      const end = timeline.now + 50;
      while (timeline.step(end));
    },
    connect: async (): Promise<TestPeer> => {
      const received: string[] = [];
      let closedWith: number | undefined;
      const link: Link = new Link(timeline, new Random(1, 'link', String(++links)), {
        received: (chunk: Chunk) => {
          if (chunk.type === 'ping') link.send(chunk);
          if (chunk.type === 'frames') received.push(...chunk.frames);
        },
        closed: (code) => (closedWith = code),
      });
      sockets.add(link, claims);
      return {
        received,
        get closedWith() {
          return closedWith;
        },
        send: (text) => link.sendText(text),
        pong: () => link.send({ type: 'ping' }),
        close: (code) => link.closeByClient(code),
        abort: () => link.abandon(),
        stopReading: () => link.stopReading(),
        readAgain: () => link.readAgain(),
      };
    },
    close: async () => {},
  };
});
