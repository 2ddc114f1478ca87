import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { KeyLimits, KeySource } from './keys.ts';

const DAY_MS = 86_400_000;

/** A fetch and the checks after it take a fraction of the 10 s that a handshake may last. */
const FETCH_DEADLINE_MS = 3_000;

/** Issuers publish keys well before they use them, so it suffices to notice a removed key within 10 min. */
const URL_LIMITS: KeyLimits = {
  cacheMaxAgeMs: 600_000,
  cooldownMs: 5_000,
  retryMs: 1_000,
  staleMaxMs: DAY_MS,
};

/** A file is cheap to read, so a change counts within a second. */
const FILE_LIMITS: KeyLimits = {
  cacheMaxAgeMs: 1_000,
  cooldownMs: 1_000,
  retryMs: 1_000,
  staleMaxMs: DAY_MS,
};

/**
 * The keys at a URL (`http:`, `https:`) or in a file, with the limits that fit. Throws for an invalid URL, and for a file
 * that is missing or no JWKS: a node that could accept no client must not start. It does not fetch a URL yet, because the
 * key server may start later than the node.
 */
export function openKeySource(jwks: string): { readonly source: KeySource; readonly limits: KeyLimits } {
  if (/^https?:/i.test(jwks)) return { source: new RemoteKeys(jwks), limits: URL_LIMITS };
  return { source: new FileKeys(jwks), limits: FILE_LIMITS };
}

class RemoteKeys implements KeySource {
  readonly isLoaded = false;
  readonly load: () => Promise<void>;
  readonly find: JWTVerifyGetKey;

  constructor(url: string) {
    // The message leaves out the text: an operator who got it wrong may have put a secret into it.
    if (!URL.canParse(url))
      throw new Error('the URL of the JWKS is not valid: it must be like https://host/path');
    const { origin, pathname, username, password } = new URL(url);
    if (username !== '' || password !== '')
      throw new Error('the URL of the JWKS must not have a user or a password: they would not be sent');
    // A query may hold an API key, which readers of logs must not see.
    const shown = `${origin}${pathname}`;
    // The key set decides when to fetch. jose's own rules would refuse keys while their server is down.
    const keys = createRemoteJWKSet(new URL(url), {
      timeoutDuration: FETCH_DEADLINE_MS,
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
    });
    this.load = () =>
      keys.reload().catch((error: Error) => {
        const why = [error, error.cause].flatMap((cause) =>
          cause instanceof Error ? withoutUrl(cause) : [],
        );
        throw new Error(`the JWKS ${shown} is unavailable: ${why.join(': ')}`);
      });
    this.find = keys;
  }
}

/** An error's message, unless it quotes a URL: the configured one, or one that the server redirected to. */
function withoutUrl({ name, message }: Error): string {
  return message === '' || message.includes('://') ? name : message;
}

class FileKeys implements KeySource {
  readonly isLoaded = true;
  readonly #path: string;
  #text: string;
  #keys: JWTVerifyGetKey;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#text = readFileSync(path, 'utf8');
    } catch (error) {
      throw unreadable(path, error);
    }
    this.#keys = parseKeys(this.#text, path);
  }

  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      throw unreadable(this.#path, error);
    });
    // The same text means the same keys, which need no second import.
    if (text === this.#text) return;
    this.#keys = parseKeys(text, this.#path);
    this.#text = text;
  }

  readonly find: JWTVerifyGetKey = (header, token) => this.#keys(header, token);
}

function unreadable(path: string, error: unknown): Error {
  return new Error(`the JWKS file ${JSON.stringify(path)} cannot be read: ${(error as Error).message}`);
}

function parseKeys(text: string, path: string): JWTVerifyGetKey {
  let set: JSONWebKeySet;
  let keys: JWTVerifyGetKey;
  try {
    set = JSON.parse(text) as JSONWebKeySet;
    keys = createLocalJWKSet(set);
  } catch {
    throw new Error(`the JWKS file ${JSON.stringify(path)} is malformed: it must be JSON like {"keys":[…]}`);
  }
  // `d` is private and `k` a secret (RFC 7518, section 6). Neither belongs among public keys.
  if (set.keys.some((key) => 'd' in key || 'k' in key)) {
    throw new Error(
      `the JWKS file ${JSON.stringify(path)} holds a private key: it must hold public keys only`,
    );
  }
  return keys;
}
