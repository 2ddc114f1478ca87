import { createHmac, randomBytes } from 'node:crypto';
import { jwtVerify, type errors, type JWTPayload, type JWTVerifyOptions } from 'jose';
import { expect, test } from 'vitest';
import { SharedSecret } from '../../src/transport/auth/shared-secret.ts';

// The check of this thread and the one of jose must come to the same result, whatever the token.

const SECRET = randomBytes(32);
const ALGORITHMS = ['HS256', 'HS384'];
const NOW = 1_800_000_000;
const CHECKS: JWTVerifyOptions = {
  algorithms: ALGORITHMS,
  requiredClaims: ['sub', 'exp'],
  clockTolerance: 5,
  issuer: 'issuer',
  audience: 'chat',
  currentDate: new Date(NOW * 1_000),
};

const CLAIMS = { sub: 'ann', iss: 'issuer', aud: ['chat', 'mail'], iat: NOW - 10, exp: NOW + 60 };

const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token with this header and payload, which are texts if they need not be JSON. */
function token(header: unknown, payload: unknown, hash = 'sha256', secret = SECRET): string {
  const text = `${encoded(header)}.${encoded(payload)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

const HS256 = { alg: 'HS256', typ: 'JWT' };
const good = token(HS256, CLAIMS);

type Finding = JWTPayload | string;

async function foundByJose(text: string): Promise<Finding> {
  try {
    return (await jwtVerify(text, SECRET, CHECKS)).payload;
  } catch (error) {
    return (error as errors.JOSEError).code;
  }
}

function foundHere(text: string): Finding | undefined {
  try {
    return new SharedSecret(SECRET, [...ALGORITHMS, 'RS256']).verify(text, CHECKS);
  } catch (error) {
    return (error as errors.JOSEError).code;
  }
}

test.each([
  ['HS256', good],
  ['HS384', token({ alg: 'HS384' }, CLAIMS, 'sha384')],
  ['a key id and a type', token({ ...HS256, kid: 'k', typ: 'at+jwt' }, CLAIMS)],
  ['one audience', token(HS256, { ...CLAIMS, aud: 'chat' })],
  ['an exp within the leeway', token(HS256, { ...CLAIMS, exp: NOW - 3 })],
])('[JW1] [JW2] good: %s', async (_, text) => {
  const found = foundHere(text);
  expect(found).toMatchObject({ sub: 'ann' });
  expect(found).toEqual(await foundByJose(text));
});

test.each([
  ['another secret', token(HS256, CLAIMS, 'sha256', randomBytes(32))],
  ['the hash of another algorithm', token(HS256, CLAIMS, 'sha384')],
  ['a signature cut short', good.slice(0, -1)],
  ['no signature', good.slice(0, good.lastIndexOf('.') + 1)],
  ['another payload', good.replace(encoded(CLAIMS), encoded({ ...CLAIMS, sub: 'ben' }))],
  ['an exp that has passed', token(HS256, { ...CLAIMS, exp: NOW - 6 })],
  ['an exp that is no number', token(HS256, { ...CLAIMS, exp: 'tomorrow' })],
  ['no exp', token(HS256, { ...CLAIMS, exp: undefined })],
  ['no sub', token(HS256, { ...CLAIMS, sub: undefined })],
  ['an nbf in the future', token(HS256, { ...CLAIMS, nbf: NOW + 60 })],
  ['an nbf that is no number', token(HS256, { ...CLAIMS, nbf: 'now' })],
  ['an iat that is no number', token(HS256, { ...CLAIMS, iat: 'now' })],
  ['another issuer', token(HS256, { ...CLAIMS, iss: 'other' })],
  ['another audience', token(HS256, { ...CLAIMS, aud: 'mail' })],
  ['a payload that is no object', token(HS256, '"ann"')],
  ['a payload that is no JSON', token(HS256, 'ann')],
])('[JW1] [JW2] refused for the same reason as by jose: %s', async (_, text) => {
  const found = foundHere(text);
  expect(found).toMatch(/^ERR_/);
  expect(found).toBe(await foundByJose(text));
});

test.each([
  ['an algorithm that is not accepted', token({ alg: 'HS512' }, CLAIMS, 'sha512')],
  ['an algorithm of a key', token({ alg: 'RS256' }, CLAIMS)],
  ['no algorithm', token({}, CLAIMS)],
  ['an extension', token({ ...HS256, crit: ['b64'], b64: true }, CLAIMS)],
  ['a header that is no JSON', token('HS256', CLAIMS)],
  ['a header of null', token('null', CLAIMS)],
  ['two parts', good.split('.').slice(0, 2).join('.')],
  ['four parts', `${good}.x`],
  ['nothing at all', ''],
])('[JW1] left to jose: %s', (_, text) => {
  expect(foundHere(text)).toBeUndefined();
});
