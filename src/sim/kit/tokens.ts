import type { Claims } from '../../runtime/ports/tokens.ts';

/** A token of the simulation: its claims in the form of a JWT, so that a client can read its expiry. */
export function simToken(claims: Claims): string {
  const payload = JSON.stringify({ ...claims, exp: claims.expiresAt / 1_000 });
  return `sim.${Buffer.from(payload).toString('base64url')}.`;
}

/** The claims of a simulated token. Throws for other texts. */
export function simClaims(token: string): Claims {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { exp: _, ...claims } = JSON.parse(payload) as Claims & { exp: number };
  return claims;
}

export function isAdminToken(token: unknown): boolean {
  return typeof token === 'string' && simClaims(token).isAdmin;
}
