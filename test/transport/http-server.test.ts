import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { closeServer, createHttpServer, KEEP_ALIVE_MS } from '../../src/transport/http/http-server.ts';
import { listen } from '../../src/transport/http/listen.ts';
import { LOCAL, RawSocket } from '../support/http.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

test('an idle connection is kept for longer than balancers keep theirs', async () => {
  expect(KEEP_ALIVE_MS).toBeGreaterThan(60_000);
  const server = createHttpServer((_, response) => void response.end('ok'), { requestMs: 300, idleMs: 300 });
  const raw = await RawSocket.open(await listen(server, LOCAL), REQUEST);
  await expect.poll(() => raw.text).toContain('Keep-Alive: timeout=65');
  // Neither the time of a request nor that of a client that does not read is its own.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  raw.socket.write(REQUEST);
  await expect.poll(() => raw.text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  await closeServer(server, 1_000);
});

test('closing waits for answers, and not for connections that are kept', async () => {
  const answers: ServerResponse[] = [];
  const server = createHttpServer(({ url }, response) => {
    if (url === '/slow') answers.push(response);
    else response.end('ok');
  });
  const port = await listen(server, LOCAL);
  const idle = await RawSocket.open(port, REQUEST);
  await expect.poll(() => idle.text).toContain('200 OK');
  const busy = await RawSocket.open(port, REQUEST.replace('/', '/slow'));
  await expect.poll(() => answers.length).toBe(1);
  const began = performance.now();
  const closed = closeServer(server, 10_000);
  await idle.closed;
  answers[0]?.end('late');
  await busy.closed;
  expect(busy.text).toContain('late');
  await closed;
  expect(performance.now() - began).toBeLessThan(1_000);
});

test('[LM12] [HS4] those whose first request is on its way are no idle ones, however many come at once', async () => {
  const server = createHttpServer((_, response: ServerResponse) => void response.end('ok'));
  const port = await listen(server, LOCAL);
  const all = await Promise.all(Array.from({ length: 600 }, () => RawSocket.open(port, '')));
  for (const { socket } of all) socket.write(REQUEST);
  await expect.poll(() => all.filter(({ text }) => text.includes('200 OK')).length).toBe(600);
  await expect.poll(() => all.filter(({ socket }) => socket.closed).length).toBe(600 - 256);
  await closeServer(server, 100);
});

test('[LM12] of more than 256 idle sockets of one address the oldest is cut; proxies have any number', async () => {
  const answer = (_: unknown, response: ServerResponse): void => void response.end('ok');
  const [server, behindProxy] = [createHttpServer(answer), createHttpServer(answer, { isProxy: () => true })];
  const open = async (port: number): Promise<RawSocket> => {
    const raw = await RawSocket.open(port, REQUEST);
    await expect.poll(() => raw.text, { interval: 2 }).toContain('200 OK');
    return raw;
  };
  const [port, proxyPort] = [await listen(server, LOCAL), await listen(behindProxy, LOCAL)];
  const first = await open(port);
  const second = await open(port);
  // Who asks again has not waited for long.
  first.socket.write(REQUEST);
  await expect.poll(() => first.text.match(/200 OK/g)).toHaveLength(2);
  const more = [];
  for (let n = 0; n < 255; n++) more.push(await open(port));
  await second.closed;
  expect([first, ...more].filter(({ socket }) => socket.closed)).toEqual([]);
  for (let n = 0; n < 260; n++) more.push(await open(proxyPort));
  expect(more.filter(({ socket }) => socket.closed)).toEqual([]);
  await Promise.all([closeServer(server, 100), closeServer(behindProxy, 100)]);
});
