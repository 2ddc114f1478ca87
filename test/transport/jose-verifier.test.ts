import { createPublicKey, generateKeyPairSync, randomBytes, type JsonWebKey } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { SignJWT, type JWK } from 'jose';
import type { VerifierOptions } from '../../src/transport/auth/jose-verifier.ts';
import { signToken } from '../../src/transport/auth/sign.ts';
import { JwksServer } from '../support/jwks-server.ts';
import { SigningKey } from '../support/signing-key.ts';
import { ACCEPTED, makeVerifier, refused, UNDECIDED } from '../support/verifier.ts';

const SECRET = randomBytes(32).toString('hex');

const servers: JwksServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.down().catch(() => {});
});

async function serve(...keys: JWK[]): Promise<JwksServer> {
  const server = await JwksServer.start(...keys);
  servers.push(server);
  return server;
}

const secretToken = (): Promise<string> => signToken({ user: 'ann', secret: SECRET, ttlMs: 60_000 });

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const inAMinute = (): number => Math.floor(Date.now() / 1_000) + 60;

/** A token that is not signed. */
const unsigned = (header: object): string => `${part(header)}.${part({ sub: 'ann', exp: inAMinute() })}.`;

describe('[JW1] algorithms', () => {
  test.each([
    ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
    ...['ES256', 'ES384', 'ES512', 'EdDSA'],
  ])('[JW1] %s is checked with a key of the JWKS, and with no other', async (alg) => {
    const [key, other] = [await SigningKey.make(alg, 'k'), await SigningKey.make(alg, 'k')];
    const { verify } = makeVerifier({ jwks: (await serve(key.jwk)).url });
    expect(await verify(await key.sign('ann'))).toMatchObject({ ok: true, claims: { user: 'ann' } });
    expect(await verify(await other.sign('ann'))).toEqual(refused('its signature is wrong'));
  });

  test('[JW1] a secret and a JWKS work side by side', async () => {
    const key = await SigningKey.make('ES256', 'k');
    const { verify } = makeVerifier({
      secret: Buffer.from(SECRET),
      jwks: (await serve(key.jwk)).url,
    });
    expect(await verify(await key.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await secretToken())).toMatchObject(ACCEPTED);
  });

  test('[JW1] HS is refused without a secret, all else without a JWKS', async () => {
    const key = await SigningKey.make('ES256', 'k');
    const { verify: byKeys } = makeVerifier({ jwks: (await serve(key.jwk)).url });
    expect(await byKeys(await secretToken())).toEqual(refused('its algorithm is not allowed'));
    const { verify: bySecret } = makeVerifier({ secret: Buffer.from(SECRET) });
    expect(await bySecret(await key.sign('ann'))).toEqual(refused('its algorithm is not allowed'));
  });

  test('[JW1] a token whose algorithm is not on the allow-list is refused', async () => {
    const [rs, es] = [await SigningKey.make('RS256', 'r'), await SigningKey.make('ES256', 'e')];
    const server = await serve(rs.jwk, es.jwk);
    const { verify } = makeVerifier({
      secret: Buffer.from(SECRET),
      jwks: server.url,
      algorithms: ['ES256', 'HS512'],
    });
    expect(await verify(await es.sign('ann'))).toMatchObject(ACCEPTED);
    expect(await verify(await rs.sign('ann'))).toEqual(refused('its algorithm is not allowed'));
    expect(await verify(await secretToken())).toEqual(refused('its algorithm is not allowed'));
  });

  test.each(['none', 'None', 'nOnE', ''])('[JW1] unsigned with alg %j is refused', async (alg) => {
    const key = await SigningKey.make('RS256', 'k');
    const { verify } = makeVerifier({ secret: Buffer.from(SECRET), jwks: (await serve(key.jwk)).url });
    expect(await verify(unsigned({ alg, kid: 'k' }))).toMatchObject({ ok: false });
    expect(await verify(unsigned({ alg, kid: 'k' }))).not.toHaveProperty('isUndecided');
  });

  test('[JW1] signed with a public key as if it were the secret, it is refused', async () => {
    const key = await SigningKey.make('RS256', 'k');
    const pem = createPublicKey({ key: key.jwk as JsonWebKey, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const server = await serve(key.jwk);
    for (const secret of [pem.toString(), JSON.stringify(key.jwk), key.jwk.n as string]) {
      const forged = await new SignJWT({ sub: 'ann', exp: inAMinute() })
        .setProtectedHeader({ alg: 'HS256', kid: 'k' })
        .sign(Buffer.from(secret));
      const { verify: byKeys } = makeVerifier({ jwks: server.url });
      expect(await byKeys(forged)).toEqual(refused('its algorithm is not allowed'));
      const { verify: byBoth } = makeVerifier({ secret: Buffer.from(SECRET), jwks: server.url });
      expect(await byBoth(forged)).toEqual(refused('its signature is wrong'));
    }
  });

  test('[JW1] a secret among the published keys is not used', async () => {
    const oct = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), alg: 'HS256', kid: 'k' };
    const { verify } = makeVerifier({ jwks: (await serve(oct)).url });
    expect(await verify(await secretToken())).toEqual(refused('its algorithm is not allowed'));
  });

  test.each<[string, Partial<VerifierOptions>, RegExp]>([
    ['HS256 without a secret', { jwks: 'https://x', algorithms: ['HS256'] }, /HS256 needs a shared secret/],
    [
      'RS256 without a JWKS',
      { secret: Buffer.from(SECRET), algorithms: ['HS256', 'RS256'] },
      /RS256 needs a JWKS/,
    ],
    ['none', { secret: Buffer.from(SECRET), algorithms: ['none'] }, /"none" is not one of HS256, /],
    ['one that nobody knows', { jwks: 'https://x', algorithms: ['rs256'] }, /"rs256" is not one of HS256, /],
    ['nothing to check with', {}, /set a shared secret, a JWKS, or both/],
    ['a short secret', { secret: Buffer.alloc(31) }, /32 bytes or more/],
    ['half a URL', { jwks: 'https://' }, /the URL of the JWKS is not valid/],
    ['a URL with a password', { jwks: 'https://u:hunter2@h/k' }, /^(?!.*hunter2).*must not have a user/],
  ])('[JW1] %s stops the start', (_, options, message) => {
    expect(() => makeVerifier(options)).toThrow(message);
  });
});

describe('[JW1] which key', () => {
  test('[JW1] a key id that is not there is refused, and a made-up one costs one fetch in a while', async () => {
    const key = await SigningKey.make('ES256', 'k');
    const server = await serve(key.jwk);
    const { verify, time } = makeVerifier({ jwks: server.url });
    expect(await verify(await key.sign('ann'))).toMatchObject(ACCEPTED);
    time.now += 5_000;
    for (let at = 0; at < 20; at++) {
      expect(await verify(await key.sign('ann', { kid: `x${at}` }))).toEqual(refused('there is no such key'));
    }
    expect(server.fetches).toBe(2);
  });

  test.each<[string, Partial<JWK>]>([
    ['for encryption', { use: 'enc' }],
    ['for another algorithm', { alg: 'ES384' }],
    ['not for checking', { key_ops: ['deriveKey'] }],
  ])('[JW1] a key that is %s is not used', async (_, published) => {
    const key = await SigningKey.make('ES256', 'k', published);
    const { verify } = makeVerifier({ jwks: (await serve(key.jwk)).url });
    expect(await verify(await key.sign('ann'))).toEqual(refused('there is no such key'));
  });

  test('[JW1] a token that names no key may be signed with any that fits', async () => {
    const keys = await Promise.all(['a', 'b', 'c'].map((kid) => SigningKey.make('RS256', kid)));
    const server = await serve(...keys.slice(0, 2).map(({ jwk }) => jwk));
    const { verify } = makeVerifier({ jwks: server.url });
    const tokens = await Promise.all(keys.map((key) => key.sign('ann', {})));
    expect(await verify(tokens[0] as string)).toMatchObject(ACCEPTED);
    expect(await verify(tokens[1] as string)).toMatchObject(ACCEPTED);
    expect(await verify(tokens[2] as string)).toEqual(refused('its signature is wrong'));
  });

  test('[JW1] a key that is too short is not used', async () => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const { verify } = makeVerifier({ jwks: (await serve({ ...jwk, kid: 'k' })).url });
    const token = `${unsigned({ alg: 'RS256', kid: 'k' })}${Buffer.alloc(128, 1).toString('base64url')}`;
    expect(await verify(token)).toEqual(refused('its key cannot be used'));
  });

  test('[JW1] a key that cannot be read decides nothing', async () => {
    const key = await SigningKey.make('ES256', 'k', { x: 'AA' });
    const { verify } = makeVerifier({ jwks: (await serve(key.jwk)).url });
    expect(await verify(await key.sign('ann'))).toEqual(UNDECIDED);
  });
});
