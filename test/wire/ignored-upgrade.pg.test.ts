import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ignoreUpgrade } from '../../src/transport/http/ignored-upgrade.ts';
import { listen } from '../../src/transport/http/listen.ts';
import { TestEngine } from '../support/engine.ts';
import { LOCAL, RawSocket } from '../support/http.ts';

/** What is 10 s in production is this long here. */
const IN_A_HURRY_MS = 1_000;

let node: TestEngine;
let token: string;
beforeAll(async () => {
  node = await TestEngine.start({}, { requestMs: IN_A_HURRY_MS, idleMs: IN_A_HURRY_MS * 1.5 });
  token = await node.token('ann');
});
afterAll(() => node.stop());

/** As curl --http2 and Java's HttpClient send it. */
const H2C =
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';

const get = (path: string, headers = H2C): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

const post = (headers: string, upgrade = H2C): string =>
  `POST /v1/rooms/h2c/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
  `Content-Type: application/json\r\n${upgrade}${headers}\r\n`;

/** Sends a text, part by part, and waits for the end of the connection. */
async function answer(...parts: string[]): Promise<string> {
  const raw = await RawSocket.open(node.engine.port);
  for (const part of parts) {
    raw.socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await raw.closed;
  return raw.text;
}

describe('[HS1] an upgrade to anything but websocket is ignored', () => {
  test('[HS1] [RS5] GET /healthz is 200, and the connection ends with the answer', async () => {
    const text = await answer(get('/healthz'));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nconnection: close\r\n/i);
  });

  test('[HS1] the rest of a request stays as it was: method, query, headers that are there twice', async () => {
    const server = createServer(({ method, url, rawHeaders }, response) =>
      response.end(JSON.stringify({ method, url, rawHeaders })),
    );
    server.on('upgrade', (request, socket, head) => ignoreUpgrade(server, request, socket, head));
    const raw = await RawSocket.open(
      await listen(server, LOCAL),
      'PUT /a?b=%20 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nConnection: upgrade\r\nUpgrade: TLS/1.0\r\nX-A: \xe9\r\n\r\n',
    );
    await raw.closed;
    server.close();
    expect(JSON.parse(raw.text.split('\r\n\r\n')[1] ?? '')).toEqual({
      method: 'PUT',
      url: '/a?b=%20',
      rawHeaders: [
        'Host',
        'x',
        'X-A',
        '1',
        'X-A',
        Buffer.from('é').toString('latin1'),
        'Connection',
        'close',
      ],
    });
  });

  test('[HS1] [RS1] a message is stored, whether its body comes with the head, later, or in chunks', async () => {
    const body = '{"content":"x"}';
    const sized = post(`Content-Length: ${body.length}\r\n`);
    const chunked = post('Transfer-Encoding: chunked\r\n');
    for (const parts of [
      [`${sized}${body}`],
      [sized, body.slice(0, 5), body.slice(5)],
      [`${chunked}5\r\n${body.slice(0, 5)}\r\n`, `a\r\n${body.slice(5)}\r\n0\r\n\r\n`],
    ]) {
      expect(await answer(...parts)).toMatch(/^HTTP\/1\.1 201 [^]*"room":"h2c"/);
    }
  });

  test('[HS1] [LM1] a body over the limit is 413 too_large', async () => {
    const body = `{"content":"${'x'.repeat(65_536)}"}`;
    expect(await answer(`${post(`Content-Length: ${body.length}\r\n`)}${body}`)).toMatch(
      /^HTTP\/1\.1 413 [^]*"too_large"/,
    );
  });

  test('[HS1] [HS4] a body that does not come in time is cut', async () => {
    const began = performance.now();
    const text = await answer(post('Content-Length: 10\r\n'), '{');
    expect(text).toMatch(/^$|^HTTP\/1\.1 400 [^]*"bad_request"/);
    expect(performance.now() - began).toBeGreaterThan(IN_A_HURRY_MS * 0.9);
    expect(performance.now() - began).toBeLessThan(IN_A_HURRY_MS * 3);
  });

  test('[HS1] [HS3] at /ws it is a plain GET, and websocket elsewhere is 404', async () => {
    expect(await answer(get('/ws'))).toMatch(/^HTTP\/1\.1 401 [^]*"unauthorized"/);
    for (const wanted of ['websocket', 'WebSocket', 'h2c, websocket']) {
      const headers = `Connection: Upgrade\r\nUpgrade: ${wanted}\r\n`;
      expect(await answer(get('/healthz', headers))).toMatch(/^HTTP\/1\.1 404 [^]*"not_found"/);
    }
  });

  test('[HS1] behind a request that is not answered yet it waits for that answer', async () => {
    const body = '{"content":"first"}';
    const text = await answer(`${post(`Content-Length: ${body.length}\r\n`, '')}${body}${get('/healthz')}`);
    expect(text.match(/HTTP\/1\.1 \d+ /g)).toEqual(['HTTP/1.1 201 ', 'HTTP/1.1 200 ']);
    expect(text).toMatch(/"room":"h2c"[^]*HTTP\/1\.1 200 /);
  });

  test('[HS1] a client that goes away leaves nothing behind', async () => {
    for (let at = 0; at < 20; at++) {
      const raw = await RawSocket.open(node.engine.port, `${get('/readyz', '')}${get('/healthz')}`);
      raw.socket.resetAndDestroy();
    }
    expect(await answer(get('/healthz'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
