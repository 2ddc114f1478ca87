import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ outboundBytes: 128 * 1024 });
});
afterAll(() => node.stop());

const metrics = async (of = node): Promise<string> =>
  (await fetch(`http://127.0.0.1:${of.engine.adminPort}/metrics`)).text();

const metric = async (name: string): Promise<number> =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await metrics())?.[1]);

/** Enough to fill what kernels buffer on both sides, and more. */
async function flood(writer: TestClient, room: string, messages: number): Promise<void> {
  const content = 'x'.repeat(60_000);
  for (let sent = 0; sent < messages; sent += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        writer.request({ type: 'chat', room, content: `${sent + n + 1} ${content}` }),
      ),
    );
  }
}

const numbers = (client: TestClient, room: string): number[] =>
  client.chats(room).map((text) => Number(text.split(' ')[0]));
const range = (to: number): number[] => Array.from({ length: to }, (_, at) => at + 1);

describe('[LM7] a slow client', () => {
  test('[LM7] stops getting live messages, catches up from the log when it reads again, and misses nothing', async () => {
    const [writer, slow, quick] = [
      await node.connect('writer'),
      await node.join('slow', 'flood'),
      await node.join('quick', 'flood'),
    ];
    const before = await metric('vagus_slow_connections_total');
    slow.ws.pause();
    await flood(writer, 'flood', 400);
    await expect.poll(() => metric('vagus_slow_connections_total')).toBeGreaterThan(before);
    slow.ws.resume();
    await slow.next((frame) => frame['type'] === 'chat' && frame['seq'] === 400, 30_000);
    expect(numbers(slow, 'flood')).toEqual(range(400));
    expect(numbers(quick, 'flood')).toEqual(range(400));
    // And it is live again.
    await writer.request({ type: 'chat', room: 'flood', content: 'after' });
    expect(await slow.chat('flood', 'after')).toMatchObject({ seq: 401 });
    await slow.fence();
  });

  test('[LM7] its requests are not read meanwhile, and are afterwards', async () => {
    const [writer, slow] = [await node.connect('writer'), await node.join('slow', 'flood2')];
    const before = await metric('vagus_slow_connections_total');
    slow.ws.pause();
    await flood(writer, 'flood2', 300);
    await expect.poll(() => metric('vagus_slow_connections_total')).toBeGreaterThan(before);
    slow.send({ type: 'chat', room: 'flood2', id: 'late', content: 'late' });
    await writer.fence();
    const [row] = await node.database.query(
      `select head::int from vagus.channels where channel = 'room:flood2'`,
    );
    expect(row).toEqual({ head: 300 });
    slow.ws.resume();
    expect(await slow.reply('late', 20_000)).toMatchObject({ type: 'ack', seq: 301 });
  });

  test('[LM7] [CL2] without progress it is closed with 4002; those beside it are served', async () => {
    const impatient = await TestEngine.start({ outboundBytes: 128 * 1024, stallMs: 1_000 });
    const [writer, stuck] = [await impatient.connect('writer'), await impatient.join('stuck', 'flood3')];
    const quick = await impatient.join('quick', 'flood3');
    stuck.ws.pause();
    await flood(writer, 'flood3', 300);
    await expect
      .poll(() => metrics(impatient), { timeout: 10_000 })
      .toContain('vagus_closed_total{reason="slow_consumer"} 1');
    await quick.until(() => quick.chats('flood3').length === 300);
    expect(numbers(quick, 'flood3')).toEqual(range(300));
    await impatient.stop();
  });
});

describe('[LM8] bounded mailboxes', () => {
  test('[LM8] more chats at once than a room takes: unavailable for those beyond, the others are stored', async () => {
    const clients = await Promise.all(range(12).map((n) => node.connect(`crowd${n}`)));
    const replies = await Promise.all(
      clients.flatMap((client) =>
        range(250).map((n) =>
          client.request({ type: 'chat', room: 'crowd', id: `m${n}`, content: `m${n}` }, 30_000),
        ),
      ),
    );
    const acked = replies.filter((reply) => reply['type'] === 'ack');
    expect(
      replies
        .filter((reply) => reply['type'] === 'error')
        .every((reply) => reply['code'] === 'unavailable' && reply['retryable']),
    ).toBe(true);
    const [row] = await node.database.query(
      `select count(*)::int as stored, max(seq)::int as head from vagus.messages where channel = 'room:crowd'`,
    );
    expect(row).toEqual({ stored: acked.length, head: acked.length });
    expect(acked.length).toBeGreaterThan(1_000);
    for (const client of clients) client.terminate();
  });

  test('[LM8] a client that sends faster than it is answered is not read, and loses nothing', async () => {
    const client = await node.connect('eager');
    const replies = range(3_000).map((n) =>
      client.request({ type: 'chat', room: 'eager', id: `m${n}`, content: `m${n}` }, 30_000),
    );
    expect((await Promise.all(replies)).map((reply) => reply['seq'])).toEqual(range(3_000));
  });
});
