import { execFileSync } from 'node:child_process';
import { existsSync, statSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNode } from '../node.mjs';
import { freePort, startServer } from '../server.mjs';
import { PLAIN, SOCKET_IO, VAGUS } from './wires.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const PEERS = {
  ws: { program: here('peers/ws.mjs'), wire: PLAIN },
  'socket.io': { program: here('peers/socket.io.mjs'), wire: SOCKET_IO },
};

/** A build: a checkout that has been built, or a program that stands for its `dist/cli/main.js`. */
export function buildSide(path) {
  const full = resolve(path);
  const cli = existsSync(full) && statSync(full).isFile() ? full : programOf(full);
  if (!existsSync(cli)) throw new Error(`there is no build at ${cli}: npm ci there, or npm run build`);
  return { name: full === cli ? basename(cli) : commitOf(full), cli };
}

/** A checkout's own command: it was not always in the same place. */
function programOf(folder) {
  const description = join(folder, 'package.json');
  if (!existsSync(description)) throw new Error(`there is no build at ${folder}: it has no package.json`);
  return join(folder, JSON.parse(readFileSync(description, 'utf8')).bin.vagus);
}

export function peerSide(name) {
  if (!Object.hasOwn(PEERS, name))
    throw new Error(`there is no peer ${name}; there are ${Object.keys(PEERS).join(', ')}`);
  return { name, peer: name };
}

/** What a checkout is called: its commit, with a plus if it holds more than that. */
function commitOf(folder) {
  const git = (...args) =>
    execFileSync('git', ['-C', folder, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'client/src', 'drizzle') !== '';
    return `${git('rev-parse', '--short=7', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    return basename(folder);
  }
}

/** Starts its server: `port`, `wire`, the `secret` of tokens if it wants some, and what server.mjs gives. */
export async function startSide({ cli, peer }, databaseUrl) {
  if (cli) return { ...(await startNode({ cli, databaseUrl })), wire: VAGUS };
  const { program, wire } = PEERS[peer];
  const port = await freePort();
  const server = await startServer({
    program: ['--max-semi-space-size=64', program],
    env: { PORT: String(port) },
    isReady: () => listens(port),
  });
  return { ...server, port, wire };
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
