import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start();
});
afterAll(() => node.stop());

describe('[HS1] the upgrade', () => {
  test('[HS1] with vagus.v1 offered, vagus.v1 is answered', async () => {
    const client = await TestClient.open(node.engine.url, {
      token: await node.token('alice'),
      subprotocols: ['other', 'vagus.v1'],
    });
    expect(client.ws.protocol).toBe('vagus.v1');
    client.terminate();
  });

  test('[HS1] a client that offers none is accepted', async () => {
    const client = await node.connect('alice');
    expect(client.ws.protocol).toBe('');
  });

  test.each([[['other']], [['bearer.x.y.z']], [['graphql-ws', 'chat']]])(
    '[HS1] %j alone gets 400 bad_request',
    async (subprotocols) => {
      const refused = await TestClient.refused(node.engine.url, {
        token: await node.token('alice'),
        subprotocols,
      });
      expect(refused).toMatchObject({
        status: 400,
        body: { code: 'bad_request', message: expect.any(String) },
      });
    },
  );

  test('[HS1] another path than /ws gets 404 not_found, another version 400 bad_request', async () => {
    const token = await node.token('alice');
    expect(await TestClient.refused(`${node.engine.url}x`, { token })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '8',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    const refused = await upgradeByHand(node.engine.port, { ...headers, authorization: `Bearer ${token}` });
    expect(refused).toContain('HTTP/1.1 400');
    expect(refused).toContain('"bad_request"');
  });
});

async function upgradeByHand(port: number, headers: Record<string, string>): Promise<string> {
  const { connect } = await import('node:net');
  const socket = connect(port, '127.0.0.1');
  socket.write(
    `GET /ws HTTP/1.1\r\nhost: x\r\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  );
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('[HS2] the token', () => {
  test('[HS2] may come as a subprotocol entry, which is not echoed', async () => {
    const token = await node.token('alice');
    const client = await TestClient.open(node.engine.url, { subprotocols: ['vagus.v1', `bearer.${token}`] });
    expect(client.ws.protocol).toBe('vagus.v1');
    expect((await client.welcome())['user']).toBe('alice');
    client.terminate();
  });

  test('[HS2] in the URL it is not looked at unless that is switched on', async () => {
    const refused = await TestClient.refused(`${node.engine.url}?token=${await node.token('alice')}`);
    expect(refused).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  test('[HS2] in the URL it is looked at when that is switched on, after header and subprotocol', async () => {
    const open = await TestEngine.start({ tokenInUrl: true });
    const url = (token: string): string => `${open.engine.url}?x=1&token=${token}`;
    const [alice, bob] = [await open.token('alice'), await open.token('bob')];
    const users = [
      await TestClient.open(url(alice)),
      await TestClient.open(url(alice), { token: bob }),
      await TestClient.open(url(alice), { subprotocols: ['vagus.v1', `bearer.${bob}`] }),
    ].map(async (client) => {
      const { user } = await client.welcome();
      client.terminate();
      return user as string;
    });
    expect(await Promise.all(users)).toEqual(['alice', 'bob', 'bob']);
    for (const refused of [
      await TestClient.refused(url('')),
      await TestClient.refused(open.engine.url),
      await TestClient.refused(url(alice), { token: 'not.a.token' }),
    ]) {
      expect(refused).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    }
    await open.stop();
  });

  const key = (secret: string) => new TextEncoder().encode(secret);
  const soon = () => Math.floor(Date.now() / 1_000) + 60;
  const jwt = (claims: Record<string, unknown>, secret = node.secret, alg = 'HS256') =>
    new SignJWT(claims).setProtectedHeader({ alg }).sign(key(secret));

  test.each<[string, () => Promise<string | undefined>]>([
    ['missing', async () => undefined],
    ['malformed', async () => 'not.a.token'],
    ['signed by somebody else', () => jwt({ sub: 'alice', exp: soon() }, 'x'.repeat(32))],
    ['expired', () => jwt({ sub: 'alice', exp: soon() - 70 })],
    ['not valid yet', () => jwt({ sub: 'alice', exp: soon(), nbf: soon() })],
    ['without sub', () => jwt({ exp: soon() })],
    ['with a sub that is no user id', () => jwt({ sub: 'a b', exp: soon() })],
    ['with a sub that names a service', () => jwt({ sub: 'svc:engine', exp: soon() })],
    ['with a blank in its sub', () => jwt({ sub: 'a b', exp: soon() })],
    ['with a sid that is no text', () => jwt({ sub: 'alice', exp: soon(), sid: 7 })],
    ['with a sid that is null', () => jwt({ sub: 'alice', exp: soon(), sid: null, jti: 'x' })],
    ['with an empty sid', () => jwt({ sub: 'alice', exp: soon(), sid: '' })],
    ['with a jti that is no text', () => jwt({ sub: 'alice', exp: soon(), jti: ['x'] })],
    ['without exp', () => jwt({ sub: 'alice' })],
    ['with an exp too far away', () => jwt({ sub: 'alice', exp: soon() + 31 * 86_400 })],
    [
      'unsigned',
      async () =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ sub: 'alice', exp: soon() })).toString('base64url')}.`,
    ],
  ])('[JW1] [JW2] %s gets 401 unauthorized', async (_, make) => {
    const token = await make();
    const refused = await TestClient.refused(node.engine.url, token === undefined ? {} : { token });
    expect(refused).toMatchObject({
      status: 401,
      body: { code: 'unauthorized', message: expect.any(String) },
    });
    expect(JSON.stringify(refused.body)).not.toContain(token ?? '?');
  });

  test.each(['HS256', 'HS384', 'HS512'])('[JW1] %s is accepted', async (alg) => {
    const client = await TestClient.open(node.engine.url, {
      token: await jwt({ sub: 'alice', exp: soon() }, undefined, alg),
    });
    await client.welcome();
    client.terminate();
  });

  test('[JW2] five seconds of leeway', async () => {
    const client = await TestClient.open(node.engine.url, {
      token: await jwt({ sub: 'alice', exp: soon(), nbf: soon() - 57 }),
    });
    await client.welcome();
    client.terminate();
  });

  test('[JW2] issuer and audience are checked when configured', async () => {
    const strict = await TestEngine.start({ jwtIssuer: 'me', jwtAudience: 'chat' });
    const url = strict.engine.url;
    const make = (issuer: string, audience: string) => strict.token('alice', { issuer, audience });
    expect(await TestClient.refused(url, { token: await make('you', 'chat') })).toMatchObject({
      status: 401,
    });
    expect(await TestClient.refused(url, { token: await make('me', 'mail') })).toMatchObject({ status: 401 });
    const client = await TestClient.open(url, { token: await make('me', 'chat') });
    await client.welcome();
    client.terminate();
    await strict.stop();
  });
});

describe('[HS3] a refusal', () => {
  test('[HS3] is JSON before the upgrade: path before protocol before token', async () => {
    const wrongEverything = await TestClient.refused(`${node.engine.url}x`, {
      token: 'x',
      subprotocols: ['other'],
    });
    expect(wrongEverything).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const wrongProtocol = await TestClient.refused(node.engine.url, { token: 'x', subprotocols: ['other'] });
    expect(wrongProtocol).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    const wrongToken = await TestClient.refused(node.engine.url, { token: 'x', subprotocols: ['vagus.v1'] });
    expect(wrongToken).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(wrongToken.headers['content-type']).toContain('application/json');
    expect(wrongToken.headers['www-authenticate']).toBe('Bearer');
  });
});

test('[HS6] frames that arrive before the welcome wait for it, and are handled after it in order', async () => {
  const client = await TestClient.open(node.engine.url, { token: await node.token('hasty') });
  client.send({ type: 'join', id: '1', room: 'hasty' });
  client.send({ type: 'chat', id: '2', content: 'first thing' });
  await client.reply('2');
  await client.chat('hasty', 'first thing');
  expect(client.frames.map((frame) => frame['action'] ?? frame['id']).slice(0, 2)).toEqual(['welcome', '1']);
  client.terminate();
});

describe('[HS5] the welcome', () => {
  test('[HS5] is the first frame and says where one is', async () => {
    const client = await TestClient.open(node.engine.url, { token: await node.token('alice') });
    const data = await client.welcome();
    expect(client.frames[0]).toMatchObject({ type: 'notification', action: 'welcome' });
    expect(data).toMatchObject({
      user: 'alice',
      node: 'n1',
      protocol: 1,
      heartbeat: { intervalMs: 30_000, timeoutMs: 90_000 },
      limits: { frameBytes: 65_536 },
      channels: { broadcast: expect.any(Number), user: expect.any(Number) },
    });
    expect(data['connection']).toMatch(/^conn:n1\.[a-z0-9]+\.\d+$/);
    expect(Date.parse(data['expiresAt'] as string)).toBeGreaterThan(Date.now());
    expect(Math.abs(Date.parse(data['time'] as string) - Date.now())).toBeLessThan(5_000);
    client.terminate();
  });

  test('[HS5] the log is the same for everyone, and another one in another database', async () => {
    const other = await TestEngine.start();
    const logs = await Promise.all(
      [node, node, other].map(async (engine) => {
        const client = await TestClient.open(engine.engine.url, { token: await engine.token('alice') });
        const { log } = await client.welcome();
        client.terminate();
        return log as string;
      }),
    );
    expect(logs[0]).toBe(logs[1]);
    expect(logs[0]).not.toBe(logs[2]);
    await other.stop();
  });

  test('[HS5] nothing of broadcast and user comes before the first request; then they start at the welcome’s heads', async () => {
    const before = await node.engine.publishToUser('eve', 'before');
    const client = await TestClient.open(node.engine.url, { token: await node.token('eve') });
    expect((await client.welcome())['channels']).toMatchObject({ user: before.seq });
    await node.engine.publishToUser('eve', 'between');
    expect(client.frames).toHaveLength(1);
    await client.fence();
    const event = await client.type('notification', 'user_event');
    expect(event).toEqual({
      type: 'notification',
      action: 'user_event',
      seq: before.seq + 1,
      id: expect.any(String),
      data: 'between',
      timestamp: expect.any(String),
    });
    client.terminate();
  });

  test('[HS5] or 1 s after the welcome if no request comes', async () => {
    const client = await TestClient.open(node.engine.url, { token: await node.token('fay') });
    const { channels } = await client.welcome();
    const started = performance.now();
    await node.engine.broadcast({ to: 'all' });
    const event = await client.type('notification', 'broadcast');
    expect(performance.now() - started).toBeGreaterThan(500);
    expect(event).toMatchObject({ seq: channels.broadcast + 1, data: { to: 'all' } });
    client.terminate();
  });

  test('[HS5] a resume as the first request says where they start; what it does not name starts at the welcome’s head', async () => {
    const first = await node.engine.publishToUser('gus', 1);
    await node.engine.publishToUser('gus', 2);
    await node.engine.broadcast('old');
    const client = await TestClient.open(node.engine.url, { token: await node.token('gus') });
    await client.welcome();
    await client.request({ type: 'resume', channels: { user: first.seq } });
    expect(await client.type('notification', 'user_event')).toMatchObject({ seq: first.seq + 1, data: 2 });
    const news = await node.engine.broadcast('new');
    expect(await client.type('notification', 'broadcast')).toMatchObject({ seq: news.seq, data: 'new' });
    expect(client.notifications('broadcast')).toHaveLength(1);
    client.terminate();
  });

  test('[HS5] the answer to a ping is no request: a resume behind it says where they start', async () => {
    const first = await node.engine.publishToUser('hal', 1);
    await node.engine.publishToUser('hal', 2);
    const client = await TestClient.open(node.engine.url, { token: await node.token('hal') });
    await client.welcome();
    client.send({ type: 'heartbeat', status: 'pong' });
    const { channels } = await client.request({ type: 'resume', channels: { user: first.seq } });
    expect(channels).toEqual({ user: { seq: first.seq + 1 } });
    expect(await client.type('notification', 'user_event')).toMatchObject({ seq: first.seq + 1, data: 2 });
    client.terminate();
  });
});
