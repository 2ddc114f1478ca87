// A server of one's own with an engine on it: `npm run build && node examples/own-server/server.mjs`, then open it twice.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { createEngine } from 'vagus';

// A folder of its own: that of `npm start` may be in use.
const { PORT = '3000', DATABASE_URL: databaseUrl, DATA_DIR: dataDir = '.vagus-example' } = process.env;
const jwtSecret = randomBytes(48).toString('base64url');
const staff = new Set(['alice']);

const page = `<!doctype html><title>own server</title><form><input autofocus></form><pre></pre><script type="module">
import { connect } from '/client/index.js';
const user = prompt('Who are you?', 'alice');
const client = connect(location.origin.replace('http', 'ws') + '/ws', {
  token: async () => (await fetch('/token?user=' + user, { method: 'POST' })).text(),
});
const show = (line) => document.querySelector('pre').append(line + '\\n');
client.on('message', ({ from, content }) => show(from + ': ' + content));
client.on('state', ({ state, why }) => show('(' + (why?.message ?? state) + ')'));
client.join('lobby', { since: 0 }).catch(({ message }) => show(message));
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  client.send('lobby', document.querySelector('input').value).catch(({ message }) => show(message));
  event.target.reset();
};
</script>`;
const clientFile = (path) =>
  readFile(new URL(`.${path.slice('/client'.length)}`, import.meta.resolve('vagus-client')));

// Whoever signs in as somebody gets a token for it. Here anybody is believed: put your own sign-in in its place.
const tokenFor = (user) =>
  new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(jwtSecret));

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/') response.setHeader('content-type', 'text/html').end(page);
  else if (pathname === '/token' && request.method === 'POST')
    void tokenFor(searchParams.get('user') || 'guest').then((token) => response.end(token));
  else if (/^\/client\/\w+\.js$/.test(pathname))
    clientFile(pathname).then(
      (file) => response.setHeader('content-type', 'text/javascript').end(file),
      () => response.writeHead(404).end(),
    );
  else if (pathname === '/metrics') void engine.metrics().then((text) => response.end(text));
  else response.writeHead(404).end('not here\n');
});

const engine = await createEngine({
  server,
  jwtSecret,
  databaseUrl,
  dataDir,
  roomsAutoCreate: true,
  logLevel: 'warn',
  hooks: {
    authorizeJoin: ({ user, room }) => room !== 'staff' || staff.has(user),
    beforeMessage: ({ content }) =>
      /\bdarn\b/i.test(content) ? { change: { content: content.replaceAll(/\bdarn\b/gi, '****') } } : true,
  },
});

server.listen(Number(PORT), '127.0.0.1', () =>
  process.stdout.write(`open http://127.0.0.1:${server.address().port}\n`),
);
process.once('SIGTERM', () => void engine.close().then(() => server.close()));
