import { expect, test } from 'vitest';
import { freePort } from './support/postgres-server.ts';

test('nobody is given a port that another was given, however many ask at once', async () => {
  const ports = await Promise.all(Array.from({ length: 200 }, () => freePort()));
  expect(new Set(ports).size).toBe(200);
});
