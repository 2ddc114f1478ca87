import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame, TestClient } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { NodeProcess, SECRET } from '../support/node-process.ts';

const ROOM = 'survivors';

/** Somebody who sends numbered messages, and again under the same id whatever was not acked. */
class Writer {
  readonly user: string;
  readonly acked = new Map<string, number>();
  #next = 0;
  #open: string[] = [];

  constructor(user: string) {
    this.user = user;
  }

  /** Sends until the node dies. */
  async write(node: NodeProcess): Promise<void> {
    let client: TestClient;
    try {
      client = await node.connect(this.user);
    } catch {
      return;
    }
    const sendOne = async (id: string): Promise<void> => {
      const reply = await client.request({ type: 'chat', room: ROOM, id, content: id }, 30_000);
      if (reply['type'] !== 'ack') throw new Error(JSON.stringify(reply));
      const known = this.acked.get(id);
      if (known !== undefined) expect(reply['seq'], 'a repeat gets the first one’s seq').toBe(known);
      this.acked.set(id, reply['seq'] as number);
      this.#open = this.#open.filter((other) => other !== id);
    };
    const stream = async (): Promise<void> => {
      for (;;) {
        const id = `${this.user}-${this.#next++}`;
        this.#open.push(id);
        await sendOne(id);
      }
    };
    const again = Promise.allSettled(this.#open.map(sendOne));
    await Promise.allSettled([again, stream(), stream(), stream(), stream()]);
    await client.closed;
  }

  /** Sends what is open to a node that lives on. */
  async finish(node: NodeProcess): Promise<void> {
    const client = await node.connect(this.user);
    for (const id of [...this.#open]) {
      const reply = await client.request({ type: 'chat', room: ROOM, id, content: id });
      expect(reply['type']).toBe('ack');
      this.acked.set(id, reply['seq'] as number);
    }
    await client.close();
  }
}

/** Somebody who reads along and, after each death, resumes after the last seq that was seen. */
class Reader {
  readonly seen: string[] = [];
  #last = 0;

  async read(node: NodeProcess): Promise<TestClient> {
    const client = await node.connect('reader');
    client.ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame['type'] !== 'chat') return;
      expect(frame['seq'], 'no gap and no repeat').toBe(this.#last + 1);
      this.#last = frame['seq'] as number;
      this.seen.push(frame['id'] as string);
    });
    const { channels } = await client.request({ type: 'resume', channels: { [`room:${ROOM}`]: this.#last } });
    expect(channels[`room:${ROOM}`]).not.toHaveProperty('gap');
    return client;
  }
}

async function history(node: NodeProcess): Promise<Frame[]> {
  const client = await node.connect('auditor');
  const messages: Frame[] = [];
  for (let more = true; more;) {
    const page = await client.request({
      type: 'history',
      room: ROOM,
      after: messages.at(-1)?.['seq'] ?? 0,
      limit: 200,
    });
    messages.push(...(page['messages'] as Frame[]));
    more = page['more'] as boolean;
  }
  await client.close();
  return messages;
}

async function surviveKills(start: () => Promise<NodeProcess>, rounds: number): Promise<void> {
  const writers = ['ann', 'ben', 'cas', 'dan', 'eve'].map((user) => new Writer(user));
  const reader = new Reader();
  const total = (): number => writers.reduce((sum, writer) => sum + writer.acked.size, 0);
  for (let round = 0; round < rounds; round++) {
    const node = await start();
    const client = await reader.read(node);
    const writing = writers.map((writer) => writer.write(node));
    const before = total();
    // In mid-traffic: another moment of the round each time.
    await expect.poll(total, { interval: 5, timeout: 20_000 }).toBeGreaterThan(before + 40 + 37 * round);
    await node.kill();
    await Promise.all([...writing, client.closed]);
  }
  const node = await start();
  const client = await reader.read(node);
  for (const writer of writers) await writer.finish(node);
  const log = await history(node);

  expect(log.map((message) => message['seq'])).toEqual(log.map((_, at) => at + 1));
  const ids = log.map((message) => message['id'] as string);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { acked } of writers) for (const [id, seq] of acked) expect(ids[seq - 1]).toBe(id);
  await client.until(() => reader.seen.length === log.length);
  expect(reader.seen).toEqual(ids);
  expect((await node.terminate()).code).toBe(0);
}

describe('[DG1] [DG3] kill -9 in mid-traffic, restart: every acked message is in history once, without a hole', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-kill-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('[DG1] [DG3] on the embedded store', async () => {
    await surviveKills(
      () => NodeProcess.start(['dev'], { VAGUS_DATA_DIR: folder, VAGUS_JWT_SECRET: SECRET }),
      4,
    );
  }, 120_000);

  test('[DG1] [DG3] on PostgreSQL', async () => {
    const database = await createDatabase();
    const environment = {
      DATABASE_URL: database.url,
      VAGUS_JWT_SECRET: SECRET,
      VAGUS_ROOMS_AUTO_CREATE: 'on',
    };
    await surviveKills(() => NodeProcess.start(['serve'], environment), 6);
    await database.drop();
  }, 120_000);
});
