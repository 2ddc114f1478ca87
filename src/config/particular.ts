import { isIP } from 'node:net';
import { ALGORITHMS, SECRET_BYTES_MIN } from '../protocol/algorithms.ts';
import type { Retention } from './config.ts';
import { readRedisUrl } from './redis-url.ts';
import { CENTURY_MS, duration, MINUTE_MS, oneOf, Unfit, type Parser } from './parser.ts';

// Parsers for single settings.

export const port: Parser<number> = {
  may: 'a port from 0 to 65535 (0: any free one)',
  option: 'a whole number from 0 to 65535 (0: any free port)',
  json: 'number',
  parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : new Unfit()),
};

/** An address of an interface of this machine. Only listening shows whether it exists. */
export const host: Parser<string> = {
  may: 'an address or a name of this machine, such as 127.0.0.1, 0.0.0.0 or ::',
  parse: (text) => (isIP(text) > 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(text) ? text : new Unfit()),
};

export const nodeId: Parser<string> = {
  may: '1 to 32 of a-z 0-9 -, and not begin with -',
  parse: (text) => (/^[a-z0-9][a-z0-9-]{0,31}$/.test(text) ? text : new Unfit()),
};

/** The line break at the end of a file would be a part of the secret, and the server would refuse every token. */
export const secret: Parser<string> = {
  may: `${SECRET_BYTES_MIN} bytes or more, without line breaks`,
  parse: (text) => (Buffer.byteLength(text) < SECRET_BYTES_MIN || /\p{Cc}/u.test(text) ? new Unfit() : text),
};

export const databaseUrl: Parser<string> = {
  may: 'a URL such as postgres://user:password@host:5432/database',
  parse: (text) => (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text) ? text : new Unfit()),
};

export const redisUrl: Parser<string> = {
  may: 'redis:// or rediss://user:password@host:6379/0, redis-sentinel://host,host/master or redis-cluster://host,host',
  parse: (text) => (readRedisUrl(text) ? text : new Unfit()),
};

/** In a cluster of Redis, braces would put all keys and channels on one server. */
export const redisPrefix: Parser<string> = {
  may: '1 to 64 printable characters without blanks and braces',
  parse: (text) => (/^[!-z|~]{1,64}$/.test(text) ? text : new Unfit()),
};

export const keySet: Parser<string> = {
  may: 'an https:// or http:// URL without user and password, or a file',
  parse: (text) => {
    if (/\p{Cc}/u.test(text) || text === '') return new Unfit();
    // A file's name may contain a colon, but "://" means a URL of another kind.
    if (!text.includes('://')) return text;
    if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return new Unfit();
    // `fetch` rejects a URL with credentials, so the server could never load the keys.
    const { username, password } = new URL(text);
    return username === '' && password === '' ? text : new Unfit();
  },
};

export const algorithm: Parser<string> = { ...oneOf(ALGORITHMS), may: `any of ${ALGORITHMS.join(' ')}` };

/** An origin as browsers send it (RFC 6454, section 7). The parser corrects case and removes the default port. */
export const origin: Parser<string> = {
  may: 'an origin such as https://chat.example or http://localhost:3000, without a path, or null (no ws: wss: ftp:)',
  parse: (text) => {
    if (text === 'null') return text;
    // A "*" would be a name that no browser ever sends.
    if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#@\s\\*]+$/.test(text) || !URL.canParse(text)) return new Unfit();
    const { protocol, origin: sent } = new URL(text);
    // No page has such an origin: a page that connects to ws:// still has the origin http://.
    if (/^(wss?|ftp):$/.test(protocol)) return new Unfit();
    return /^https?:$/.test(protocol) ? sent : text.toLowerCase();
  },
};

/** The names that the package proxy-addr knows. */
const NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];
const PREFIX_MAX: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

export const proxy: Parser<string> = {
  may: `an address, a network such as 10.0.0.0/8, or ${NETWORKS.join(', ')}`,
  parse: (text) => {
    if (NETWORKS.includes(text)) return text;
    const [, address = '', prefix] = /^([^/%]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? [];
    const longest = PREFIX_MAX[isIP(address)];
    return longest !== undefined && Number(prefix ?? 1) <= longest ? text : new Unfit();
  },
};

const KINDS = ['broadcast', 'user', 'room'] as const;
const kept = duration(MINUTE_MS, CENTURY_MS, 0);

/** `30d` for all kinds, or `room=30d,user=7d`. A kind that is not named is kept for ever, as with 0. */
export const retention: Parser<Retention> = {
  may: '0 (for ever), a duration from 1m to 36500d, or some of room=30d,user=7d,broadcast=1d',
  option: `an object with some of ${KINDS.join(', ')}, each of it ${kept.option}`,
  json: 'map',
  each: kept,
  keys: KINDS,
  parse: (text) => {
    const all = kept.parse(text);
    if (!(all instanceof Unfit)) return { broadcast: all, user: all, room: all };
    const found = new Map<string, number>();
    for (const part of text.split(',').map((part) => part.trim())) {
      const [, kind = '', time = ''] = /^([a-z]+)=(.+)$/.exec(part) ?? [];
      const value = kept.parse(time);
      const isKnown = KINDS.some((known) => known === kind);
      if (value instanceof Unfit || !isKnown || found.has(kind)) return new Unfit(part);
      found.set(kind, value);
    }
    return {
      broadcast: found.get('broadcast') ?? 0,
      user: found.get('user') ?? 0,
      room: found.get('room') ?? 0,
    };
  },
};
