import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

// A PostgreSQL that fails over, and is on another timeline from then on.

let server: PostgresServer;
let node: TestEngine;

beforeAll(async () => {
  server = await startPostgres();
  node = await TestEngine.start({ databaseUrl: server.url });
});

afterAll(async () => {
  await node.stop();
  await server.stop();
});

async function sent(client: TestClient, id: string): Promise<Frame> {
  for (;;) {
    const reply = await client.request({ type: 'chat', room: 'r', content: id, id });
    if (reply['type'] === 'ack') return reply;
    expect(reply['retryable']).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function resumed(client: TestClient, position: unknown, log: string): Promise<Frame> {
  const { channels } = await client.request({ type: 'resume', log, channels: { 'room:r': position } });
  return (channels as Record<string, Frame>)['room:r'] as Frame;
}

test('[HS5] [RQ2] [DG1] nothing was lost: the log has another name, and positions that are proven mean what they meant', async () => {
  const alice = await node.join('alice', 'r');
  for (const id of ['m1', 'm2']) expect(await sent(alice, id)).toHaveProperty('seq');
  const { log: before } = alice.welcomed;
  expect(before).toMatch(/^[0-9a-f-]{36}$/);
  await server.failOver();
  expect(await sent(alice, 'm3')).toMatchObject({ seq: 3 });
  // The lease is renewed on connections of its own.
  const log = await renamed(before);
  expect(log).toBe(`${before}.2`);
  const [bob, carol, dora] = [await node.connect('b'), await node.connect('c'), await node.connect('d')];
  expect(await resumed(bob, { seq: 2, id: 'm2', from: 'alice' }, before)).toEqual({ seq: 3 });
  expect(await bob.chat('r', 'm3')).toMatchObject({ seq: 3 });
  expect(await resumed(carol, 2, before)).toEqual({ seq: 3, reset: true });
  expect(await resumed(dora, 2, log)).toEqual({ seq: 3 });
  expect(await sent(alice, 'm4')).toMatchObject({ seq: 4 });
  await alice.chat('r', 'm4');
  expect(alice.notifications('reset')).toEqual([]);
});

/** The log's name, as who comes is told it once it has another. */
async function renamed(before: string): Promise<string> {
  for (;;) {
    const client = await node.connect('eve');
    if (client.welcomed['log'] !== before) return client.welcomed['log'];
    await client.close();
  }
}
