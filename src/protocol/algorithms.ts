/** Algorithms with a shared secret (RFC 7518, section 3.2). */
const SECRET_ALGORITHMS: readonly string[] = ['HS256', 'HS384', 'HS512'];

/**
 * Bytes of a shared secret, at least (JW1): an attacker could guess a shorter one from a token (RFC 7518, section 3.2).
 */
export const SECRET_BYTES_MIN = 32;

/** Algorithms with a private key, checked with the public key of a JWKS (RFC 7518, sections 3.3 to 3.5; RFC 8037). */
const KEY_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512'],
  ...['PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512'],
  'EdDSA',
];

/** Every algorithm that a token may be signed with (JW1). `none` is not among them. */
export const ALGORITHMS: readonly string[] = [...SECRET_ALGORITHMS, ...KEY_ALGORITHMS];

/** Whether the key that checks a token can also sign one. */
export function isShared(algorithm: string): algorithm is 'HS256' | 'HS384' | 'HS512' {
  return SECRET_ALGORITHMS.includes(algorithm);
}

/** The keys that the server can check tokens with. */
export interface Means {
  readonly hasSecret: boolean;
  readonly hasJwks: boolean;
}

/**
 * Why these keys and this allow-list do not fit each other (JW1); undefined when they do. An allowed algorithm without
 * a key is a mistake, because the server would refuse all its tokens.
 */
export function checkAlgorithms(
  allowed: readonly string[],
  { hasSecret, hasJwks }: Means,
): string | undefined {
  if (!hasSecret && !hasJwks) return 'tokens cannot be checked: set a shared secret, a JWKS, or both';
  for (const algorithm of allowed) {
    if (isShared(algorithm)) {
      if (!hasSecret) return `the algorithm ${algorithm} needs a shared secret, and none is set`;
    } else if (KEY_ALGORITHMS.includes(algorithm)) {
      if (!hasJwks) return `the algorithm ${algorithm} needs a JWKS, and none is set`;
    } else {
      return `the algorithm ${JSON.stringify(algorithm)} is not one of ${ALGORITHMS.join(', ')}`;
    }
  }
  return undefined;
}

/**
 * The algorithms that the server accepts: the allow-list or, when it is empty, every algorithm that it has a key for.
 */
export function acceptedAlgorithms(allowed: readonly string[], { hasSecret, hasJwks }: Means): string[] {
  const checkable = [...(hasSecret ? SECRET_ALGORITHMS : []), ...(hasJwks ? KEY_ALGORITHMS : [])];
  return allowed.length === 0 ? checkable : checkable.filter((algorithm) => allowed.includes(algorithm));
}
