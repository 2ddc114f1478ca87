const SCHEMES = {
  'redis:': ['single', false],
  'rediss:': ['single', true],
  'redis-sentinel:': ['sentinel', false],
  'rediss-sentinel:': ['sentinel', true],
  'redis-cluster:': ['cluster', false],
  'rediss-cluster:': ['cluster', true],
} as const;

const PORT = 6_379;
const SENTINEL_PORT = 26_379;

/**
 * Reads `redis://user:password@host:6379/0`, with `rediss:` for TLS; `redis-sentinel://host,host/master/0`;
 * `redis-cluster://host,host`. Undefined for anything else.
 */
export function readRedisUrl(text: string) {
  const found = /^([a-z-]+:)\/\/(?:([^@/?#]*)@)?([^@/?#]+)(\/[^?#]*)?$/.exec(text);
  if (!found || !((found[1] as string) in SCHEMES)) return undefined;
  const [kind, isTls] = SCHEMES[found[1] as keyof typeof SCHEMES];
  const hosts = (found[3] as string)
    .split(',')
    .map((one) => hostOf(one, kind === 'sentinel' ? SENTINEL_PORT : PORT));
  const path = (found[4] ?? '')
    .split('/')
    .slice(1)
    .filter((part) => part !== '');
  const master = kind === 'sentinel' ? path.shift() : undefined;
  const [database = '0', ...more] = path;
  const [username, password] = credentials(found[2] ?? '');
  const isFit =
    hosts.every((host) => host !== undefined) &&
    (kind !== 'single' || hosts.length === 1) &&
    (kind === 'sentinel') === (master !== undefined) &&
    /^\d{1,5}$/.test(database) &&
    (kind !== 'cluster' || database === '0') &&
    more.length === 0;
  if (!isFit) return undefined;
  const places = hosts as { host: string; port: number }[];
  return { kind, isTls, hosts: places, username, password, master, database: Number(database) };
}

function hostOf(text: string, standard: number): { host: string; port: number } | undefined {
  const found = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[2] ?? standard);
  if (!found || port < 1 || port > 65_535) return undefined;
  return { host: (found[1] as string).replace(/^\[(.*)\]$/, '$1'), port };
}

function credentials(text: string): [string | undefined, string | undefined] {
  if (text === '') return [undefined, undefined];
  const at = text.indexOf(':');
  const decoded = (part: string): string | undefined => (part === '' ? undefined : decodeURIComponent(part));
  // A password alone is that of the default user.
  return at < 0 ? [decoded(text), undefined] : [decoded(text.slice(0, at)), decoded(text.slice(at + 1))];
}
