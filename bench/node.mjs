import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { freePort, startServer } from './server.mjs';

const HERE = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** A node without limits of rate: the build at hand on the database of DATABASE_URL, or what is named. */
export async function startNode({
  cli = process.env.BENCH_CLI ?? HERE,
  databaseUrl = process.env.DATABASE_URL,
} = {}) {
  if (!databaseUrl) {
    console.error('bench: set DATABASE_URL to a PostgreSQL of which the schema "vagus" may be used');
    process.exit(1);
  }
  const secret = randomBytes(32).toString('hex');
  const [port, adminPort] = [await freePort(), await freePort()];
  const server = await startServer({
    program: ['--max-semi-space-size=64', cli, 'serve'],
    env: {
      DATABASE_URL: databaseUrl,
      VAGUS_JWT_SECRET: secret,
      VAGUS_PORT: String(port),
      VAGUS_ADMIN_PORT: String(adminPort),
      VAGUS_ROOMS_AUTO_CREATE: 'on',
      VAGUS_LOG_LEVEL: 'warn',
      // Numbers of such a server are worth little; whoever measures may know why.
      VAGUS_DATABASE_FSYNC_OFF: 'allow',
      // It is measured what a node can do, not what it lets one user do.
      VAGUS_CONNECTIONS_PER_SECOND: '0',
      VAGUS_CONNECTIONS_PER_USER: '0',
      VAGUS_MESSAGES_PER_MINUTE: '0',
      VAGUS_REQUESTS_PER_MINUTE: '0',
      VAGUS_SIGNALS_PER_SECOND: '0',
    },
    isReady: () =>
      fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
  return { ...server, port, url: `ws://127.0.0.1:${port}/ws`, secret };
}
