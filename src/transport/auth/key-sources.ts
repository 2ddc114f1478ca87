import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { KeyLimits, KeySource } from './keys.ts';

const DAY_MS = 86_400_000;

/** A fetch and what follows is a fraction of the 10 s in which a handshake must be complete. */
const FETCH_DEADLINE_MS = 3_000;

/** Keys are published well before they are used, so that 10 min are soon enough to notice one that is gone. */
const URL_LIMITS: KeyLimits = {
  cacheMaxAgeMs: 600_000,
  cooldownMs: 5_000,
  retryMs: 1_000,
  staleMaxMs: DAY_MS,
};

/** A file is cheap to read: a change counts within a second. */
const FILE_LIMITS: KeyLimits = {
  cacheMaxAgeMs: 1_000,
  cooldownMs: 1_000,
  retryMs: 1_000,
  staleMaxMs: DAY_MS,
};

/**
 * The keys at a URL (`http:`, `https:`) or in a file, with the limits that fit.
 * Throws when the URL is none, or when the file is missing or no JWKS: a node that could let nobody in must not start.
 * A URL is not fetched yet: its server may come up later than we do.
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
    // Not repeated: who got it wrong may have put a secret into it.
    if (!URL.canParse(url)) throw new Error('the URL of the JWKS is none: it must be like https://host/path');
    const { origin, pathname, username, password } = new URL(url);
    if (username !== '' || password !== '')
      throw new Error('the URL of the JWKS must not have a user or a password: they would not be sent');
    // A query may hold the key of an API, and whoever reads logs is not to have it.
    const shown = `${origin}${pathname}`;
    // When to fetch is decided by the key set; left to itself, it would refuse keys while their server is down.
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
        throw new Error(`the JWKS ${shown} cannot be had: ${why.join(': ')}`);
      });
    this.find = keys;
  }
}

/** What an error says, unless it quotes a URL: ours, or one that we were sent on to. */
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
    // The same text is the same keys, which need not be imported again.
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
  // `d` is private, `k` a secret (RFC 7518, section 6): neither belongs where public keys are.
  if (set.keys.some((key) => 'd' in key || 'k' in key)) {
    throw new Error(
      `the JWKS file ${JSON.stringify(path)} holds a private key: it must hold public keys only`,
    );
  }
  return keys;
}
