import { SignJWT } from 'jose';

export interface TokenOptions {
  readonly user: string;
  readonly secret: string;
  readonly ttlMs: number;
  readonly session?: string;
  readonly scope?: string;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** Signs a token as a back end would: for development, tests and the command line. */
export function signToken({
  user,
  secret,
  ttlMs,
  session,
  scope,
  issuer,
  audience,
}: TokenOptions): Promise<string> {
  const token = new SignJWT({
    ...(session === undefined ? {} : { sid: session }),
    ...(scope === undefined ? {} : { scope }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime(new Date(Date.now() + ttlMs));
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(secret));
}
