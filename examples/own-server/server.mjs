// A server of one's own with an engine on it: `npm run build && node examples/own-server/server.mjs`, then open it twice.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { createEngine } from 'vagus';

const { PORT = '3000', DATABASE_URL: databaseUrl } = process.env;
const jwtSecret = randomBytes(48).toString('base64url');
const staff = new Set(['alice']);

const page = `<!doctype html><title>own server</title><form><input autofocus></form><pre></pre><script type="module">
const user = prompt('Who are you?', 'alice');
const token = await (await fetch('/token?user=' + user, { method: 'POST' })).text();
const ws = new WebSocket(location.origin.replace('http', 'ws') + '/ws', ['vagus.v1', 'bearer.' + token]);
const send = (frame) => ws.send(JSON.stringify({ id: crypto.randomUUID(), ...frame }));
ws.onopen = () => send({ type: 'join', room: 'lobby', since: 0 });
ws.onmessage = ({ data }) => {
  const { type, from, content, message } = JSON.parse(data);
  if (type === 'chat') document.querySelector('pre').append(from + ': ' + content + '\\n');
  if (type === 'error') alert(message);
};
document.querySelector('form').onsubmit = (event) => {
  event.preventDefault();
  send({ type: 'chat', room: 'lobby', content: document.querySelector('input').value });
  event.target.reset();
};
</script>`;

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
  else if (pathname === '/metrics') void engine.metrics().then((text) => response.end(text));
  else response.writeHead(404).end('not here\n');
});

const engine = await createEngine({
  server,
  jwtSecret,
  databaseUrl,
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
