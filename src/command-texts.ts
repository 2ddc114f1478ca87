import type { CommandText } from './command-help.ts';
import { FIELDS } from './config/settings.ts';

/** The commands that read settings; `simulate` has none. */
export const COMMANDS = {
  dev: {
    name: 'dev',
    summary: 'runs with an embedded database and a secret of its own, for development',
    usage: '[FLAGS]',
    about: `Runs a node for development: on this machine only, its database in a folder, its secret made and kept
there, rooms made by whoever joins them. Prints an address, a token, and lines to try.`,
    flags: [],
    settings: FIELDS,
    mode: 'dev',
  },
  serve: {
    name: 'serve',
    summary: 'runs in production: with a secret or keys that you give it',
    usage: '[FLAGS]',
    about: `Runs a node in production. It needs VAGUS_JWT_SECRET or VAGUS_JWT_JWKS, and has no secret by itself.
SIGTERM and SIGINT end it in order; a second one ends it at once, with exit code 1.`,
    flags: [],
    settings: FIELDS,
    mode: 'serve',
  },
  token: {
    name: 'token',
    summary: 'signs a token for a user',
    usage: '--user USER [FLAGS]',
    about: `Prints a token, and nothing else. Signs it with the secret of the configuration, or with the one that
vagus dev has made in the data folder.`,
    flags: [
      ['--user USER', 'whose it is, such as alice'],
      ['--sid SESSION', 'the session it belongs to, which can be ended by this name (none)'],
      ['--scope SCOPE', 'what more it allows, such as vagus:admin (nothing)'],
      ['--ttl TIME', 'how long it is good, at most VAGUS_TOKEN_TTL_MAX (1h)'],
    ],
    settings: ['dataDir', 'jwtSecret', 'jwks', 'jwtAlgorithms', 'jwtIssuer', 'jwtAudience', 'tokenTtlMaxMs'],
    mode: 'serve',
  },
  migrate: {
    name: 'migrate',
    summary: 'brings the database to the schema of this version',
    usage: '[FLAGS]',
    about: `Brings the database to the schema of this version, and says what it did. A node does so itself when it
starts; this is for doing it before, or with other rights. It never goes back, and refuses a newer schema.`,
    flags: [],
    settings: ['databaseUrl', 'dataDir'],
    mode: 'serve',
  },
  config: {
    name: 'config',
    summary: 'shows each setting, and where it is from',
    usage: '[dev|serve] [FLAGS]',
    about: `Shows each setting as vagus serve (or vagus dev) would have it, and where it is from. Secrets are masked.`,
    flags: [],
    settings: FIELDS,
    mode: 'serve',
  },
} as const satisfies Readonly<Record<string, CommandText>>;
