import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';
import { JwksServer } from '../support/jwks-server.ts';
import { SigningKey } from '../support/signing-key.ts';

let keys: SigningKey[];
beforeAll(async () => {
  keys = await Promise.all(['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => SigningKey.make(alg, alg)));
});
const key = (alg: string): SigningKey => keys.find(({ jwk }) => jwk.alg === alg) as SigningKey;

async function welcomed(node: TestEngine, token: string): Promise<TestClient> {
  const client = await TestClient.open(node.engine.url, { token });
  await client.welcome();
  return client;
}

describe('[JW1] keys at a URL', () => {
  let server: JwksServer;
  let node: TestEngine;
  beforeAll(async () => {
    server = await JwksServer.start(...keys.map(({ jwk }) => jwk));
    node = await TestEngine.start({ jwks: server.url });
  });
  afterAll(async () => {
    await node.stop();
    await server.down().catch(() => {});
  });

  // The first: nothing is cached yet.
  test('[JW1] [HS3] while they are unavailable a handshake is 503 unavailable with Retry-After, and afterwards succeeds', async () => {
    server.mood = 'error';
    const token = await key('RS256').sign('ann');
    const refused = await TestClient.refused(node.engine.url, { token });
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { code: 'unavailable', retryAfterMs: 1_000, message: 'the token cannot be checked right now' },
    });
    const client = await node.connect('ann');
    expect(await client.request({ type: 'refresh', token })).toMatchObject({
      type: 'error',
      code: 'unavailable',
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    expect(await client.request({ type: 'refresh', token: await node.token('ann') })).toMatchObject({
      type: 'ack',
    });
    server.mood = 'well';
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await client.request({ type: 'refresh', token })).toMatchObject({ type: 'ack' });
    (await welcomed(node, token)).terminate();
  });

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('[JW1] %s is accepted', async (alg) => {
    const client = await welcomed(node, await key(alg).sign('ann'));
    expect(client.welcomed['user']).toBe('ann');
    await client.fence();
    client.terminate();
  });

  test('[JW1] the secret works beside them', async () => {
    (await node.connect('ann')).terminate();
  });

  test('[JW1] a key that is not among them gets 401', async () => {
    const other = await SigningKey.make('ES256', 'ES256');
    for (const token of [await other.sign('ann'), await other.sign('ann', { kid: 'other' })]) {
      expect(await TestClient.refused(node.engine.url, { token })).toMatchObject({
        status: 401,
        body: { code: 'unauthorized' },
      });
    }
  });

  test('[JW1] once had, they work while their server is down', async () => {
    await server.down();
    (await welcomed(node, await key('ES256').sign('ann'))).terminate();
    await server.up();
  });
});

describe('[JW1] keys in a file, and no secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-jwks-'));
  const jwks = join(folder, 'jwks.json');
  const publish = (...published: SigningKey[]): void =>
    writeFileSync(jwks, JSON.stringify({ keys: published.map(({ jwk }) => jwk) }));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('[JW1] rotate while the node runs; the allow-list counts', async () => {
    publish(key('ES256'), key('RS256'));
    const node = await TestEngine.start({ jwtSecret: undefined, jwks, jwtAlgorithms: ['ES256', 'EdDSA'] });
    const isRefused = async (token: string): Promise<void> => {
      expect(await TestClient.refused(node.engine.url, { token })).toMatchObject({ status: 401 });
    };
    (await welcomed(node, await key('ES256').sign('ann'))).terminate();
    await isRefused(await key('RS256').sign('ann'));
    await isRefused(await node.token('ann'));
    publish(key('EdDSA'));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    (await welcomed(node, await key('EdDSA').sign('ann'))).terminate();
    await isRefused(await key('ES256').sign('ann'));
    await node.stop();
  });

  test('[JW1] a file that is not there, or an algorithm without its key, stops the start', async () => {
    const missing = { jwks: join(folder, 'missing.json') };
    await expect(TestEngine.start(missing)).rejects.toThrow(/missing\.json" cannot be read/);
    await expect(TestEngine.start({ jwtAlgorithms: ['HS256', 'ES256'] })).rejects.toThrow(
      /has ES256, which needs VAGUS_JWT_JWKS/,
    );
  });
});
