import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { JwksServer } from '../support/jwks-server.ts';
import { SigningKey } from '../support/signing-key.ts';
import { ACCEPTED, makeVerifier, refused, UNDECIDED } from '../support/verifier.ts';

const MINUTE_MS = 60_000;

let old: SigningKey;
let next: SigningKey;
beforeAll(async () => {
  old = await SigningKey.make('ES256', 'old');
  next = await SigningKey.make('ES256', 'next');
});

describe('[JW1] a JWKS at a URL', () => {
  let server: JwksServer;
  afterEach(() => server.down().catch(() => {}));

  async function start() {
    server = await JwksServer.start(old.jwk);
    return makeVerifier({ jwks: server.url });
  }

  test('[JW1] is fetched once for many tokens', async () => {
    const { verify, time } = await start();
    const token = await old.sign('ann');
    for (const verdict of await Promise.all(Array.from({ length: 20 }, () => verify(token)))) {
      expect(verdict).toMatchObject(ACCEPTED);
    }
    time.now += 9 * MINUTE_MS;
    expect(await verify(token)).toMatchObject(ACCEPTED);
    expect(server.fetches).toBe(1);
  });

  test('[JW1] a new key counts with the next token, an old one that is gone when the set is renewed', async () => {
    const { verify, time } = await start();
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    server.keys = [old.jwk, next.jwk];
    time.now += 5_000;
    expect(await verify(await next.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    server.keys = [next.jwk];
    time.now += 10 * MINUTE_MS;
    expect(await verify(await old.sign('ann'))).toEqual(refused('there is no such key'));
    expect(await verify(await next.sign('ann'))).toMatchObject(ACCEPTED);
    expect(server.fetches).toBe(3);
  });

  test.each(['error', 'nonsense', 'gone'] as const)(
    '[JW1] nothing is decided while it is unavailable (%s); then it is, within a second',
    async (trouble) => {
      const { verify, time, failures } = await start();
      if (trouble === 'gone') await server.down();
      else server.mood = trouble;
      expect(await verify(await old.sign('ann'))).toEqual(UNDECIDED);
      if (trouble === 'gone') await server.up();
      server.mood = 'well';
      expect(await verify(await old.sign('ann'))).toEqual(UNDECIDED);
      time.now += 1_000;
      expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
      expect(failures).toEqual([expect.stringContaining(`the JWKS ${server.url} is unavailable: `)]);
    },
  );

  test('[JW1] while it answers errors a fetch a second is made, however many tokens come, whether it ever had one or not', async () => {
    for (const hadOne of [false, true]) {
      const { verify, time } = await start();
      if (hadOne) expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
      server.mood = 'error';
      time.now += 5_000;
      const before = server.fetches;
      const tokens = [await next.sign('ann'), await next.sign('bob')];
      for (let seconds = 0; seconds < 3; seconds++) {
        for (let n = 0; n < 20; n++) expect(await verify(tokens[n % 2] ?? '')).toEqual(UNDECIDED);
        await Promise.all(Array.from({ length: 20 }, (_, n) => verify(tokens[n % 2] ?? '')));
        time.now += 1_000;
      }
      expect(server.fetches - before).toBe(3);
      server.mood = 'well';
      await server.down();
    }
  });

  test('[JW1] what its URL may hold of secrets is not told, whatever goes wrong', async () => {
    server = await JwksServer.start(old.jwk);
    const { verify, time, failures } = makeVerifier({ jwks: `${server.url}?apikey=hunter2#hunter2` });
    server.mood = 'error';
    expect(await verify(await old.sign('ann'))).toEqual(UNDECIDED);
    await server.down();
    time.now += 1_000;
    expect(await verify(await old.sign('ann'))).toEqual(UNDECIDED);
    expect(failures).toHaveLength(2);
    for (const failure of failures)
      expect(failure).toMatch(
        /^the JWKS http:\/\/127\.0\.0\.1:\d+\/jwks\.json is unavailable: (?!.*hunter2)./,
      );
    expect(failures[1]).toContain('ECONNREFUSED');
  });

  test('[JW1] a server that never answers is waited for 3 s, once for all tokens', async () => {
    const { verify, failures } = await start();
    server.mood = 'silent';
    const begun = performance.now();
    const verdicts = [verify(await old.sign('ann')), verify(await next.sign('ben'))];
    expect(await Promise.all(verdicts)).toEqual([UNDECIDED, UNDECIDED]);
    expect(performance.now() - begun).toBeGreaterThan(2_500);
    expect(performance.now() - begun).toBeLessThan(4_500);
    expect([server.fetches, failures.length]).toEqual([1, 1]);
  });

  test('[JW1] one that hangs later is waited for once, and not by every token whose key is there', async () => {
    const { verify, time } = await start();
    const token = await old.sign('ann');
    expect(await verify(token)).toMatchObject(ACCEPTED);
    server.mood = 'silent';
    time.now += 10 * MINUTE_MS;
    expect(await verify(token)).toMatchObject(ACCEPTED);
    time.now += 1_000;
    const begun = performance.now();
    expect(await verify(token)).toMatchObject(ACCEPTED);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  test('[JW1] a malformed token is refused without the keys, also while they are unavailable', async () => {
    const { verify } = await start();
    server.mood = 'error';
    expect(await verify('nonsense')).toEqual(refused('it is malformed'));
    expect(server.fetches).toBe(0);
  });

  test('[JW1] keys from before go on working while it is down, for a day; others decide nothing', async () => {
    const { verify, time } = await start();
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    await server.down();
    time.now += 10 * MINUTE_MS;
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await next.sign('ann'))).toEqual(UNDECIDED);
    time.now += 24 * 60 * MINUTE_MS;
    expect(await verify(await old.sign('ann'))).toEqual(UNDECIDED);
    await server.up();
    time.now += 1_000;
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await next.sign('ann'))).toEqual(refused('there is no such key'));
  });
});

describe('[JW1] a JWKS in a file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vagus-jwks-'));
  const jwks = join(folder, 'jwks.json');
  const publish = (...keys: JWK[]): void => writeFileSync(jwks, JSON.stringify({ keys }));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('[JW1] a change counts within a second: a new key, and one that is gone', async () => {
    publish(old.jwk);
    const { verify, time } = makeVerifier({ jwks });
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    publish(next.jwk);
    time.now += 1_000;
    expect(await verify(await next.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await old.sign('ann'))).toEqual(refused('there is no such key'));
  });

  test('[JW1] is read at most once a second', async () => {
    publish(old.jwk);
    const { verify, time } = makeVerifier({ jwks });
    publish(next.jwk);
    time.now += 999;
    expect(await verify(await next.sign('ann'))).toEqual(refused('there is no such key'));
    time.now += 1;
    expect(await verify(await next.sign('ann'))).toMatchObject(ACCEPTED);
  });

  test('[JW1] half written, it changes nothing for the keys from before', async () => {
    publish(old.jwk);
    const { verify, time, failures } = makeVerifier({ jwks });
    writeFileSync(jwks, '{"keys":[');
    time.now += 1_000;
    expect(await verify(await old.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await next.sign('ann'))).toEqual(UNDECIDED);
    expect(failures).toEqual([expect.stringContaining('is malformed')]);
    publish(old.jwk, next.jwk);
    time.now += 1_000;
    expect(await verify(await next.sign('ann'))).toMatchObject(ACCEPTED);
  });

  test('[JW1] missing, malformed, or with a private key in it, it stops the start', async () => {
    rmSync(jwks);
    expect(() => makeVerifier({ jwks })).toThrow(/the JWKS file ".*jwks\.json" cannot be read: ENOENT/);
    for (const text of ['', '<html>', '[]', '{}', '{"keys":{}}', '{"keys":[1]}']) {
      writeFileSync(jwks, text);
      expect(() => makeVerifier({ jwks }), text).toThrow(/is malformed: it must be JSON like/);
    }
    publish({ ...(await old.privateJwk()), kid: 'old' });
    expect(() => makeVerifier({ jwks })).toThrow(/holds a private key/);
  });
});
