// A program on the client as it is published, run by whichever Node.js a test wants to see it on: what it goes through is
// written out, one JSON a line; a line on its standard input closes the client. Then it ends by itself, or it holds something.
import { connect } from 'vagus-client';

const [url, token, socket] = process.argv.slice(2);
const own = socket === 'own' ? {} : { WebSocket: (await import('ws')).WebSocket };
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const client = connect(url, { token: () => token, ...own, sendTimeoutMs: 0 });
client.on('state', ({ state, why }) => say({ state, code: why?.code, why: why?.message }));
client.on('message', ({ content }) => say({ content }));
void client.join('versions', { since: 0 }).then(() => say({ joined: process.version }));
process.stdin.once('data', () => {
  client.close();
  process.stdin.destroy();
});
