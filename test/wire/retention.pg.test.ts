import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ retention: { room: 3_600_000, user: 0, broadcast: 0 } });
  // Rounds are a tenth of what is kept apart: here that would be minutes, so what is old is made so before a start.
});
afterAll(() => node.stop());

test('[LM10] [DG2] expired messages go, with their ids; a client that comes for them gets the exact range', async () => {
  const ann = await node.connect('ann');
  for (let n = 1; n <= 5; n++) await ann.request({ type: 'chat', room: 'a', id: `m${n}`, content: `m${n}` });
  await node.engine.publishToUser('ann', { kept: true }, 'u1');
  await node.database.query(
    `update vagus.messages set stored_at = stored_at - interval '2 hours' where channel = 'user:ann' or (channel = 'room:a' and seq <= 3)`,
  );
  // A node with the same database whose rounds are short: what it keeps is measured by the same clock.
  const brief = await TestEngine.start({
    databaseUrl: node.database.url,
    node: 'n2',
    retention: { room: 60_000, user: 0, broadcast: 0 },
  });
  const pruned = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${brief.engine.adminPort}/metrics`)).text();
  await expect.poll(pruned, { timeout: 15_000, interval: 200 }).toContain('vagus_messages_pruned_total 3');

  const bob = await brief.connect('bob');
  expect(await bob.request({ type: 'join', room: 'a', since: 0 })).toMatchObject({ seq: 5 });
  await bob.chat('a', 'm5');
  expect(bob.notifications('skipped').map((frame) => frame['data'])).toEqual([
    { channel: 'room:a', from: 1, to: 3 },
  ]);
  expect(bob.chats('a')).toEqual(['4 m4', '5 m5']);
  expect(await bob.request({ type: 'history', room: 'a', after: 0 })).toMatchObject({
    messages: [{ seq: 4 }, { seq: 5 }],
    more: false,
  });
  // A message and its id go together; the numbers go on.
  const again = await brief.connect('ann');
  expect(await again.request({ type: 'chat', room: 'a', id: 'm1', content: 'once more' })).toMatchObject({
    seq: 6,
  });
  expect(await again.request({ type: 'history', channel: 'user', after: 0 })).toMatchObject({
    messages: [{ id: 'u1', seq: 1 }],
  });
  await brief.stop();
});
