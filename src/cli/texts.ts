import type { CommandText } from './help.ts';
import { FIELDS } from '../config/settings.ts';

/** The commands that read settings. `simulate` reads none. */
export const COMMANDS = {
  dev: {
    name: 'dev',
    summary: 'runs with an embedded database and a secret of its own, for development',
    usage: '[FLAGS]',
    about: `Runs a node for development, on this machine only. Its database is in a folder, and so is the secret that
it makes. The first user who joins a room creates it. Prints an address, a token, and commands to try.`,
    flags: [],
    settings: FIELDS,
    mode: 'dev',
  },
  serve: {
    name: 'serve',
    summary: 'runs in production, with your own secret or keys',
    usage: '[FLAGS]',
    about: `Runs a node in production. It needs VAGUS_JWT_SECRET or VAGUS_JWT_JWKS, and makes no secret itself.
SIGTERM or SIGINT stops it in order. A second one stops it at once, with exit code 1.`,
    flags: [],
    settings: FIELDS,
    mode: 'serve',
  },
  token: {
    name: 'token',
    summary: 'signs a token for a user',
    usage: '--user USER [FLAGS]',
    about: `Prints a token and nothing else. Signs it with the secret of the configuration, or with the one that
vagus dev made in the data folder.`,
    flags: [
      ['--user USER', 'the user, such as alice'],
      ['--sid SESSION', 'the session, which a back end can revoke by this name (none)'],
      ['--scope SCOPE', 'further rights, such as vagus:admin (none)'],
      ['--ttl TIME', 'how long it is valid, at most VAGUS_TOKEN_TTL_MAX (1h)'],
    ],
    settings: ['dataDir', 'jwtSecret', 'jwks', 'jwtAlgorithms', 'jwtIssuer', 'jwtAudience', 'tokenTtlMaxMs'],
    mode: 'serve',
  },
  migrate: {
    name: 'migrate',
    summary: 'migrates the database to the schema of this version',
    usage: '[FLAGS]',
    about: `Migrates the database to the schema of this version, and prints what it did. A node does the same when it
starts. This command does it earlier, or with other rights. It never migrates back, and refuses a newer schema.`,
    flags: [],
    settings: ['databaseUrl', 'dataDir'],
    mode: 'serve',
  },
  doctor: {
    name: 'doctor',
    summary: 'says what is good about settings and database, and what is not',
    usage: '[FLAGS]',
    about: `Examines the settings and the database of vagus serve, and changes nothing there. Prints a line for each
finding: ok, warn (a node serves, but its operator should know this) or fail (it does not start, or cannot serve).
Exits with 1 when something failed, else with 0.`,
    flags: [],
    settings: FIELDS,
    mode: 'serve',
  },
  config: {
    name: 'config',
    summary: 'shows each setting and its source',
    usage: '[dev|serve] [FLAGS]',
    about: `Shows each setting as vagus serve (or vagus dev) would use it, with its source. Secrets are masked.`,
    flags: [],
    settings: FIELDS,
    mode: 'serve',
  },
} as const satisfies Readonly<Record<string, CommandText>>;
