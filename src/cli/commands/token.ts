import type { Given } from '../arguments.ts';
import { ConfigError } from '../../config/config-error.ts';
import { duration, Unfit } from '../../config/parser.ts';
import { SECRET_BYTES_MIN } from '../../protocol/algorithms.ts';
import type { Reading } from '../../config/read.ts';
import { isShared } from '../../protocol/algorithms.ts';
import { findDevelopmentSecret } from '../development-secret.ts';
import { SessionId, UserId } from '../../protocol/ids.ts';
import { signToken } from '../../transport/auth/sign.ts';

const TTL_MS = 3_600_000;

/** Prints a token and nothing else. Throws a {@link ConfigError} without a secret to sign with, or without a user. */
export async function tokenCommand({ flags }: Given, { found }: Reading): Promise<void> {
  const { user, sid: session, scope, ttl } = flags;
  if (user === undefined)
    throw new ConfigError('--user is missing: whose token is it?\nSee: vagus token --help');
  refuseUnlessFit('--user', user, UserId.safeParse(user).error);
  if (session !== undefined) refuseUnlessFit('--sid', session, SessionId.safeParse(session).error);
  // RFC 6749, section 3.3.
  if (scope !== undefined && !/^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/.test(scope))
    throw new ConfigError(
      `--scope is ${JSON.stringify(scope)}, but must be words with single blanks between them`,
    );
  const max = found.tokenTtlMaxMs.value ?? Infinity;
  const token = await signToken({
    user,
    secret: secretOf(found),
    algorithm: algorithmOf(found),
    ttlMs: ttl === undefined ? Math.min(TTL_MS, max) : ttlOf(ttl, max, found.tokenTtlMaxMs.name),
    ...(session === undefined ? {} : { session }),
    ...(scope === undefined ? {} : { scope }),
    issuer: found.jwtIssuer.value,
    audience: found.jwtAudience.value,
  });
  process.stdout.write(`${token}\n`);
}

function refuseUnlessFit(
  name: string,
  was: string,
  error: { readonly issues: readonly { readonly message: string }[] } | undefined,
): void {
  if (error) throw new ConfigError(`${name} is ${JSON.stringify(was)}, but ${error.issues[0]?.message}`);
}

function ttlOf(text: string, max: number, name: string): number {
  const { parse, may } = duration(1_000, max);
  const value = parse(text);
  if (value instanceof Unfit)
    throw new ConfigError(`--ttl is ${JSON.stringify(text)}, but must be ${may} (${name})`);
  return value;
}

const ELSEWHERE = 'the holder of the private key signs the tokens, not this command';

function secretOf({ jwtSecret, jwks, dataDir }: Reading['found']): string {
  if (jwtSecret.value !== undefined) return jwtSecret.value;
  if (jwks.value !== undefined) throw new ConfigError(`there is ${jwks.name} and no secret: ${ELSEWHERE}`);
  const made = findDevelopmentSecret(dataDir.value ?? '.');
  if (made === undefined)
    throw new ConfigError(
      `there is no secret to sign with: set ${jwtSecret.name}, or start vagus dev, which makes one in ${dataDir.text}; where it runs elsewhere, name that folder with --data-dir`,
    );
  if (Buffer.byteLength(made) < SECRET_BYTES_MIN)
    throw new ConfigError(
      `the secret in ${dataDir.text} is too short: remove it, and vagus dev makes another`,
    );
  return made;
}

/** An algorithm that the server accepts. */
function algorithmOf({ jwtAlgorithms }: Reading['found']): 'HS256' | 'HS384' | 'HS512' {
  const accepted = jwtAlgorithms.value ?? [];
  if (accepted.length === 0) return 'HS256';
  const shared = accepted.find(isShared);
  if (shared === undefined)
    throw new ConfigError(`${jwtAlgorithms.name} has none of HS256, HS384, HS512: ${ELSEWHERE}`);
  return shared;
}
