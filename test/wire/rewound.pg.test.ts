import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

// A PostgreSQL that goes backwards under a node: as a standby that is promoted without the last commits does, or a restored
// dump. Here the rows are taken out, the head is set back, and the node's connections are ended.

let node: TestEngine;

beforeAll(async () => {
  node = await TestEngine.start();
});

afterAll(() => node.stop());

async function endConnections(): Promise<void> {
  await node.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'vagus'`,
  );
}

async function loseAfter(room: string, seq: number): Promise<void> {
  const channel = `room:${room}`;
  await node.database.query('delete from vagus.messages where channel = $1 and seq > $2', [channel, seq]);
  await node.database.query('update vagus.channels set head = $2 where channel = $1', [channel, seq]);
  await endConnections();
}

/** Sends until it is stored: its first attempts may meet connections that are being ended. */
async function send(client: TestClient, room: string, id: string): Promise<Frame> {
  for (;;) {
    const reply = await client.request({ type: 'chat', room, content: id, id });
    if (reply['type'] === 'ack') return reply;
    expect(reply['retryable']).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a client was shown: messages and resets, in order. */
function told(client: TestClient, room: string): string[] {
  return client.frames.flatMap((frame) => {
    if (frame['type'] === 'chat' && frame['room'] === room) return [`${frame['seq']} ${frame['content']}`];
    return frame['action'] === 'reset' && frame['data'].channel === `room:${room}`
      ? [`reset ${frame['data'].seq}`]
      : [];
  });
}

describe('[PU2] [DG1] [DG2] a log that has lost its end', () => {
  test('[PU2] a client that has lost messages gets a reset, and all clients continue with the same', async () => {
    const room = 'lost';
    const [alice, bob] = [await node.join('alice', room), await node.join('bob', room)];
    for (let n = 1; n <= 30; n++) await alice.request({ type: 'chat', room, content: `m${n}`, id: `m${n}` });
    await bob.chat(room, 'm30');
    await loseAfter(room, 25);
    expect(await send(alice, room, 'n26')).toMatchObject({ seq: 26 });
    expect(await send(alice, room, 'n27')).toMatchObject({ seq: 27 });
    for (const client of [alice, bob]) {
      await client.chat(room, 'n27');
      expect(told(client, room).slice(30)).toEqual(['reset 25', '26 n26', '27 n27']);
    }
    // One that was acked and lost may be sent again.
    expect(await send(alice, room, 'm30')).not.toHaveProperty('duplicate');
    const late = await node.connect('carol');
    const { channels } = await late.request({
      type: 'resume',
      channels: { [`room:${room}`]: { seq: 28, id: 'm28', from: 'alice' } },
    });
    expect(channels).toEqual({ [`room:${room}`]: { seq: 28, reset: true } });
    const metrics = await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`);
    expect(await metrics.text()).toContain('vagus_resets_total{reason="rewound"} 2');
    const ready = await fetch(`http://127.0.0.1:${node.engine.adminPort}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { status: 'ready' }]);
  });

  test('[RQ2] without later messages a client that comes back gets the new head, and so does a client that is there', async () => {
    const room = 'quiet';
    const [alice, bob] = [await node.join('alice', room), await node.connect('bob')];
    for (let n = 1; n <= 5; n++) await alice.request({ type: 'chat', room, content: `m${n}`, id: `m${n}` });
    await alice.chat(room, 'm5');
    await loseAfter(room, 3);
    const name = `room:${room}`;
    let reply: Frame = {};
    while (reply['seq'] === undefined) {
      const { channels } = await bob.request({ type: 'resume', channels: { [name]: 5 } });
      reply = channels[name] as Frame;
    }
    expect(reply).toEqual({ seq: 3, reset: true });
    expect((await alice.type('notification', 'reset'))['data']).toEqual({ channel: name, seq: 3 });
  });
});

test('[D21] a connection that may only read is ended: the next one finds who may be written to', async () => {
  const [{ name }] = (await node.database.query('select current_database() as name')) as [{ name: string }];
  const client = await node.join('dora', 'readonly');
  await node.database.query(`alter database ${name} set default_transaction_read_only = on`);
  await endConnections();
  await expect
    .poll(async () => (await client.request({ type: 'chat', room: 'readonly', content: 'x' }))['code'])
    .toBe('unavailable');
  await node.database.query(
    `begin read write; alter database ${name} reset default_transaction_read_only; commit`,
  );
  expect(await send(client, 'readonly', 'again')).toMatchObject({ seq: expect.any(Number) });
});
