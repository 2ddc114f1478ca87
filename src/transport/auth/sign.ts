import { SignJWT } from 'jose';

export interface TokenOptions {
  readonly user: string;
  readonly secret: string;
  /** Default HS256 (JW1). */
  readonly algorithm?: 'HS256' | 'HS384' | 'HS512';
  readonly ttlMs: number;
  readonly session?: string;
  readonly scope?: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The time of issue, milliseconds since 1970; default now. */
  readonly now?: number;
}

/** Signs a token as a back end does, for development, tests and the command line. */
export function signToken({
  user,
  secret,
  algorithm = 'HS256',
  ttlMs,
  session,
  scope,
  issuer,
  audience,
  now = Date.now(),
}: TokenOptions): Promise<string> {
  const token = new SignJWT({
    ...(session === undefined ? {} : { sid: session }),
    ...(scope === undefined ? {} : { scope }),
  })
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(new Date(now))
    .setExpirationTime(new Date(now + ttlMs));
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(secret));
}
