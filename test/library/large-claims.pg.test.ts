import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { Library, tokenWith } from '../support/own-server.ts';
import { makeVerifier } from '../support/verifier.ts';

// Tokens that say much, and an application that wants to see it (JW6).

const SECRET = 'a secret of the tests, which nobody else has';
const MAX = 16_384;

/** A token whose claims are so long as the verifier keeps them. */
async function tokenOf(length: number, letter = 'x'): Promise<string> {
  const empty = JSON.parse(
    Buffer.from((await tokenWith({ sub: 'ann', more: '' })).split('.')[1] ?? '', 'base64url').toString(),
  );
  return tokenWith({ sub: 'ann', more: letter.repeat(length - JSON.stringify(empty).length) });
}

test('[JW6] claims are kept up to 16,384 characters of JSON, and refused beyond, if a hook reads them', async () => {
  const secret = Buffer.from(SECRET);
  const { verify } = makeVerifier({ secret, keepsPayload: true });
  for (const letter of ['x', 'é']) {
    const good = await verify(await tokenOf(MAX, letter));
    expect(good).toMatchObject({ ok: true });
    expect(good.ok && good.claims.payload).toHaveLength(MAX);
    expect(await verify(await tokenOf(MAX + 1, letter))).toEqual({
      ok: false,
      message: 'the token is not valid: its claims are too long',
    });
  }
  const { verify: unseen } = makeVerifier({ secret });
  expect(await unseen(await tokenOf(40_000))).toMatchObject({ ok: true });
});

describe('with the hook authorize', () => {
  let database: TestDatabase;
  let library: Library;
  const seen: unknown[] = [];
  beforeAll(async () => {
    database = await createDatabase();
    library = await Library.start({
      databaseUrl: database.url,
      hooks: { authorize: ({ claims }) => seen.push(claims['more']) > 0 },
    });
  });
  afterAll(async () => {
    await library.stop();
    await database.drop();
  });

  test('[JW6] [RQ9] a refresh takes what is not too long; else unauthorized, and the token before goes on', async () => {
    const ann = await library.connect('ann');
    expect(await ann.request({ type: 'refresh', token: await tokenOf(MAX) })).toMatchObject({ type: 'ack' });
    await ann.request({ type: 'history', room: 'a' });
    expect(String(seen.at(-1)).length).toBeGreaterThan(16_000);
    expect(await ann.request({ type: 'refresh', token: await tokenOf(MAX + 1) })).toMatchObject({
      type: 'error',
      code: 'unauthorized',
      message: 'the token is not valid: its claims are too long',
    });
    expect(await ann.request({ type: 'history', room: 'a' })).toMatchObject({ type: 'history' });
  });

  test('[JW6] over HTTP a token is as long as headers may be: 16 KiB in all, bad_request beyond', async () => {
    const path = '/v1/rooms/a/messages';
    expect(await library.call('ann', path, { token: await tokenOf(11_000) })).toMatchObject({ status: 200 });
    expect(await library.call('ann', path, { token: await tokenOf(MAX) })).toMatchObject({
      status: 400,
      body: { code: 'bad_request' },
    });
  });
});
