import { expect, test } from 'vitest';
import { TestEngine } from './support/engine.ts';

// The engine as a program has it that starts one.

test('[DG4] requests from before the close are carried out; later ones are refused at once', async () => {
  const node = await TestEngine.start();
  // Homes that begin their lives with these: the claims come first.
  const asked = ['a', 'b', 'c'].map((user) => node.engine.publishToUser(user, { n: 1 }, 'e1'));
  const room = node.engine.broadcast({ n: 2 }, 'e2');
  const closed = node.engine.close();
  for (const published of await Promise.all([...asked, room])) expect(published).toMatchObject({ seq: 1 });
  const refused = { name: 'EngineError', code: 'draining' };
  await expect(node.engine.broadcast('late')).rejects.toMatchObject(refused);
  await closed;
  await expect(node.engine.broadcast('too late')).rejects.toMatchObject(refused);
  await expect(node.engine.revoke({ user: 'a' })).rejects.toMatchObject(refused);
  const rows = await node.database.query(
    `select channel from vagus.messages where sender = 'svc:engine' order by channel`,
  );
  expect(rows.map((row) => (row as { channel: string }).channel)).toEqual([
    'broadcast',
    'user:a',
    'user:b',
    'user:c',
  ]);
  await node.stop();
});
