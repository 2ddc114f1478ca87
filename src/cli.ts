#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { ConfigError, readConfig, type Config } from './config.ts';
import { developmentSecret } from './dev.ts';
import type { Engine } from './engine.ts';
import { signToken } from './transport/auth/sign.ts';

const USAGE = `vagus: an actor-model realtime engine

  vagus dev        run with an embedded database and a secret of its own, for development
  vagus serve      run in production: VAGUS_JWT_SECRET and DATABASE_URL come from the environment
  vagus simulate   run a node under faults on virtual time, from a seed; --help says more
  vagus --version  print the version
  vagus --help     print this

Settings are environment variables; docs/operations.md lists them.
`;

const DEV_TOKEN_TTL_MS = 24 * 3_600_000;

async function dev(): Promise<void> {
  const config = readConfig({
    host: '127.0.0.1',
    roomsAutoCreate: true,
    logLevel: 'warn',
    jwtSecret: developmentSecret,
  });
  const engine = await run(config);
  process.stdout.write(await greeting(engine, config));
}

async function serve(): Promise<void> {
  const jwtSecret = (): never => {
    throw new ConfigError(
      `VAGUS_JWT_SECRET is not set. Make one: node -p "crypto.randomBytes(48).toString('base64url')"`,
    );
  };
  await run(readConfig({ host: '0.0.0.0', roomsAutoCreate: false, logLevel: 'info', jwtSecret }));
}

/** Starts the engine; it goes, in order, when it is told to. */
async function run(config: Config): Promise<Engine> {
  // What a node needs of drivers is loaded for a node only.
  const { Engine } = await import('./engine.ts');
  const engine = await Engine.start(config);
  const leave = (): void => {
    void engine.close().then(() => process.exit(0));
  };
  void engine.failed.then((error) => {
    process.stderr.write(`vagus: ${error.message}\n`);
    process.exit(1);
  });
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);
  return engine;
}

async function greeting(engine: Engine, config: Config): Promise<string> {
  const { jwtSecret: secret = '', jwtIssuer: issuer, jwtAudience: audience } = config;
  const tokenFor = (user: string): Promise<string> =>
    signToken({ user, secret, ttlMs: DEV_TOKEN_TTL_MS, issuer, audience });
  const [alice, bob] = await Promise.all([tokenFor('alice'), tokenFor('bob')]);
  const wscat = (token: string): string => `npx wscat -c ${engine.url} -H "Authorization: Bearer ${token}"`;
  const kept = config.databaseUrl === undefined ? `${config.dataDir}/` : 'the database of DATABASE_URL';
  return `
vagus is running at ${engine.url}
Messages are kept in ${kept}. Health: http://127.0.0.1:${engine.adminPort}/readyz, metrics: /metrics

A token for alice, good for a day:
${alice}

Chat from two terminals, as alice and as bob:
${wscat(alice)}
${wscat(bob)}

and type in both
{"type":"join","id":"1","room":"lobby"}
{"type":"chat","id":"2","content":"hello"}
`;
}

function version(): string {
  const { version: found } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as {
    version: string;
  };
  return `${found}\n`;
}

async function main([command, ...rest]: readonly string[]): Promise<void> {
  switch (command) {
    case 'dev':
      return dev();
    case 'serve':
      return serve();
    case 'simulate': {
      const { simulateCommand } = await import('./simulate-command.ts');
      process.exitCode = simulateCommand(rest);
      return;
    }
    case '--version':
      return void process.stdout.write(version());
    case undefined:
    case '--help':
      return void process.stdout.write(USAGE);
    default:
      throw new ConfigError(`there is no command ${JSON.stringify(command)}\n\n${USAGE}`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // Whoever starts a server wants to know what to do, not where in the code it was noticed.
  process.stderr.write(`vagus: ${describe(error)}\n`);
  process.exit(1);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as { code?: string; port?: number };
  if (code === 'EADDRINUSE') {
    return `port ${port} is taken: set VAGUS_PORT or VAGUS_ADMIN_PORT to another one`;
  }
  return error.message || (code ?? error.name);
}
