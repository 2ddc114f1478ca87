// A server of one's own with an engine on it: `npm run build && node examples/own-server/server.mjs`, then open it twice.
//
// To start from it, copy this folder beside the repository, here called vagus, and install what it imports:
//   npm install ../vagus ../vagus/client jose ws
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { createEngine } from 'vagus';
import { connect } from 'vagus-client';
import { WebSocket } from 'ws';

// A folder of its own: that of `npm start` may be in use.
const { PORT = '3000', DATABASE_URL: databaseUrl, DATA_DIR: dataDir = '.vagus-example' } = process.env;
const jwtSecret = randomBytes(48).toString('base64url');
const staff = ['alice'];
const banned = new Set(['mallory']);

if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535)
  giveUp({ code: 'bad_port', message: `PORT is ${PORT}, but must be a port: 0 to 65535` });

const page = await readFile(new URL('page.html', import.meta.url));
const clientFile = (name) => readFile(new URL(name, import.meta.resolve('vagus-client')));

// Whoever signs in as somebody gets a token for it. Here anybody is believed: put your own sign-in in its place.
// Without the time it was issued at nobody could tell it from one before `engine.revoke`.
const tokenFor = (user) =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(jwtSecret));

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    process.stderr.write(`${request.method} ${request.url}: ${error.message}\n`);
    response.destroy();
  });
});

async function answer({ url, method }, response) {
  // Whoever likes can ask for `//`, of which no URL can be made.
  if (!URL.canParse(url, 'http://localhost')) return response.writeHead(400).end();
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [, file] = /^\/client\/([\w/-]+\.js)$/.exec(pathname) ?? [];
  const script = file && (await clientFile(file).catch(() => undefined));
  if (script) response.setHeader('content-type', 'text/javascript').end(script);
  else if (pathname === '/') response.setHeader('content-type', 'text/html').end(page);
  else if (pathname === '/metrics') response.end(await engine.metrics());
  else if (pathname === '/token' && method === 'POST')
    response.end(await tokenFor(searchParams.get('user') || 'guest'));
  else response.writeHead(404).end('not here\n');
}

/** What keeps it from starting, or from going on, says in its message what to do; a bug has its stack. */
function giveUp(error) {
  if (error.code === 'data_dir_in_use')
    error.message = `${dataDir} is in use: set DATA_DIR to another folder`;
  process.stderr.write(`${error.code === undefined ? error.stack : error.message}\n`);
  process.exit(1);
}

const engine = await createEngine({
  server,
  jwtSecret,
  databaseUrl,
  dataDir,
  logLevel: 'warn',
  // Beside the rights of a room. Whoever is banned joins, reads, writes and makes nothing, over a socket or REST.
  hooks: {
    authorize: ({ user }) => !banned.has(user),
    beforeMessage: ({ content }) => ({ change: { content: content.replaceAll(/\bdarn\b/gi, '****') } }),
  },
}).catch(giveUp);
void engine.failed.then(giveUp);

// Clients first: they are told to come back, and what they were promised is kept. A second signal does not wait.
async function close() {
  await engine.close();
  server.close();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void close());

// A room that only some may read, write and join is a private one: that is a matter of members, not of a hook.
async function makeRooms() {
  const client = connect(engine.url, { token: () => tokenFor('server'), WebSocket });
  const make = (room, access) =>
    client.create({ room, access }).catch((error) => {
      if (error.code !== 'already_exists') throw error;
    });
  await make('lobby', 'public');
  await make('staff', 'private');
  for (const user of staff) await engine.setMember('staff', user, true);
  client.close();
}

try {
  await once(server.listen(Number(PORT), '127.0.0.1'), 'listening');
  await makeRooms();
} catch (error) {
  await engine.close();
  if (error.code === 'EADDRINUSE') error.message = `port ${PORT} is taken: set PORT to another one`;
  giveUp(error);
}
process.stdout.write(`open http://127.0.0.1:${server.address().port}\n`);
