import { expect, test } from 'vitest';
import { freePort } from './support/postgres-server.ts';

test('no two callers get the same port, however many ask at once', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
  expect(new Set(ports).size).toBe(200);
});
