import { ConfigError } from '../../config/config-error.ts';
import type { Config } from '../../config/config.ts';
import { configOf, type Reading } from '../../config/read.ts';
import { isShared } from '../../protocol/algorithms.ts';
import { developmentSecret } from '../development-secret.ts';
import type { Beside } from '../../engine/beside.ts';
import type { Engine } from '../../engine/engine.ts';
import { signToken } from '../../transport/auth/sign.ts';

const DEV_TOKEN_TTL_MS = 24 * 3_600_000;

/** Two signals this close are one Ctrl-C: npm passes it on to a process that also gets it from the terminal. */
const SAME_INTERRUPT_MS = 100;

/** `vagus dev`: resolves once the node runs. */
export async function dev(reading: Reading): Promise<void> {
  const config = configOf(reading, { jwtSecret: developmentSecret });
  const signer = signerOf(config);
  const engine = await run(config, { chat: signer });
  process.stdout.write(await greeting(engine, config, signer));
}

/** `vagus serve`: resolves once the node runs. */
export async function serve(reading: Reading): Promise<void> {
  await run(configOf(reading, { jwtSecret: noSecret }));
}

/** `vagus serve` makes no secret itself. */
export function noSecret(): never {
  throw new ConfigError(
    `VAGUS_JWT_SECRET is not set, nor VAGUS_JWT_JWKS. Make a secret: node -p "crypto.randomBytes(48).toString('base64url')"`,
  );
}

/** Starts the engine. The first signal stops it in order, the second one at once. */
async function run(config: Config, options: Beside = {}): Promise<Engine> {
  // The import loads the drivers only for a node.
  const { Engine } = await import('../../engine/engine.ts');
  const engine = await Engine.start(config, options);
  const fail = (error: Error): never => {
    process.stderr.write(`vagus: ${error.message}\n`);
    process.exit(1);
  };
  let toldAt: number | undefined;
  const leave = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (toldAt === undefined) {
      toldAt = now;
      engine.close().then(() => process.exit(0), fail);
    } else if (signal !== 'SIGINT' || now - toldAt > SAME_INTERRUPT_MS) {
      process.exit(1);
    }
  };
  void engine.failed.then(fail);
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  return engine;
}

/** Makes tokens when there is a secret to sign them with. */
interface Signer {
  readonly ttlMs: number;
  readonly tokenFor: (user: string) => Promise<string>;
}

function signerOf(config: Config): Signer | undefined {
  const {
    jwtSecret: secret,
    jwtAlgorithms,
    jwtIssuer: issuer,
    jwtAudience: audience,
    tokenTtlMaxMs,
  } = config;
  const algorithm = jwtAlgorithms.length === 0 ? 'HS256' : jwtAlgorithms.find(isShared);
  if (secret === undefined || algorithm === undefined) return undefined;
  const ttlMs = Math.min(DEV_TOKEN_TTL_MS, tokenTtlMaxMs);
  return { ttlMs, tokenFor: (user) => signToken({ user, secret, algorithm, ttlMs, issuer, audience }) };
}

async function greeting(engine: Engine, config: Config, signer: Signer | undefined): Promise<string> {
  const { host, adminHost, databaseUrl, dataDir } = config;
  const kept = databaseUrl === undefined ? `${dataDir}/` : 'the database of DATABASE_URL';
  const admin = `http://${reachable(adminHost)}:${engine.adminPort}`;
  const page = signer ? `Open http://${reachable(host)}:${engine.port} in two tabs and chat\n\n` : '';
  return `
${page}vagus is running at ${engine.url}, as process ${process.pid}
Messages are kept in ${kept}. Health: ${admin}/readyz, metrics: /metrics

${signer ? await whatToTry(engine, signer) : 'The holder of the private key signs the tokens.\n'}`;
}

/** An address for a client: it cannot connect to one that stands for all interfaces. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

async function whatToTry(engine: Engine, { ttlMs, tokenFor }: Signer): Promise<string> {
  const [alice, bob] = await Promise.all([tokenFor('alice'), tokenFor('bob')]);
  const wscat = (token: string): string => `npx wscat -c ${engine.url} -H "Authorization: Bearer ${token}"`;
  return `A token for alice${ttlMs === DEV_TOKEN_TTL_MS ? ', good for a day' : ''}; others: npx vagus token --user NAME
${alice}

Chat from two terminals, as alice and as bob:
${wscat(alice)}
${wscat(bob)}

and type in both
{"type":"join","id":"1","room":"lobby"}
{"type":"chat","content":"hello"}
`;
}
