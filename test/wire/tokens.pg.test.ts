import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';
import { ask } from '../support/http.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ heartbeatIntervalMs: 500, heartbeatTimeoutMs: 60_000 });
});
afterAll(() => node.stop());

// Each with users of its own: they wait for clocks, and do so at the same time.
describe.concurrent('[JW3] expiry', () => {
  test('[JW3] [CL2] at exp the connection is closed with 4005', async () => {
    const client = await node.connect('ann', { ttlMs: 1_500 });
    const { expiresAt } = client.welcomed as { expiresAt: string };
    expect(await client.closed).toEqual({ code: 4005, reason: 'token_expired' });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
    expect(Date.now() - Date.parse(expiresAt)).toBeLessThan(1_000);
  });

  test('[JW3] [RQ9] unless it was refreshed', async () => {
    const client = await node.connect('ann', { ttlMs: 3_000 });
    const { expiresAt } = client.welcomed as { expiresAt: string };
    await client.request({ type: 'refresh', token: await node.token('ann') });
    // The heartbeat interval, at which the node compares `exp` with the clock, and one more.
    const passedAt = Date.parse(expiresAt) + 1_000;
    await new Promise((resolve) => setTimeout(resolve, passedAt - Date.now()));
    await client.fence();
    client.terminate();
  });
});

describe.concurrent('[JW5] revocation', () => {
  test('[JW5] a session’s connections are closed with 4502 within a second, and its tokens refused', async () => {
    const [phone, laptop] = [
      await node.connect('rev', { session: 's1' }),
      await node.connect('rev', { session: 's2' }),
    ];
    await node.engine.revoke({ session: 's1' });
    expect(await phone.closed).toEqual({ code: 4502, reason: 'session_revoked' });
    await laptop.fence();
    const refused = await TestClient.refused(node.engine.url, {
      token: await node.token('rev', { session: 's1' }),
    });
    expect(refused).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(
      await laptop.request({ type: 'refresh', token: await node.token('rev', { session: 's1' }) }),
    ).toMatchObject({ code: 'unauthorized' });
    await laptop.fence();
  });

  /** A token that was issued so many milliseconds before or after `at`, by the issuer's clock. */
  const issued = (user: string, at: number): Promise<string> => node.token(user, { now: at, ttlMs: 60_000 });

  test('[JW5] a user’s connections are closed whatever their iat; tokens are refused by it', async () => {
    const ahead = await TestClient.open(node.engine.url, { token: await issued('ban', Date.now() + 4_000) });
    await ahead.welcome();
    const { at } = await node.engine.revoke({ user: 'ban' });
    expect(Math.abs(at - Date.now())).toBeLessThan(2_000);
    expect(await ahead.closed).toEqual({ code: 4502, reason: 'session_revoked' });
    const [old, near] = [await issued('ban', at - 6_000), await issued('ban', at)];
    const refuse = (token: string) => TestClient.refused(node.engine.url, { token });
    expect(await refuse(old)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    const undecided = await refuse(near);
    expect(undecided).toMatchObject({
      status: 503,
      body: { code: 'unavailable', message: expect.stringContaining('newer token') },
    });
    const { retryAfterMs } = undecided.body as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(3_000);
    expect(retryAfterMs).toBeLessThanOrEqual(6_000);
    const over = await ask(node.engine.port, '/v1/rooms/lobby/messages', { token: near });
    expect(over).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    // In time it is no better; a newer one is.
    await new Promise((resolve) => setTimeout(resolve, at + 6_000 - Date.now()));
    expect(await refuse(near)).toMatchObject({ status: 503, body: { retryAfterMs: 1_000 } });
    const client = await TestClient.open(node.engine.url, { token: await issued('ban', Date.now()) });
    await client.welcome();
    expect(await client.request({ type: 'refresh', token: near })).toMatchObject({
      code: 'unavailable',
      retryAfterMs: 1_000,
    });
    expect(await client.request({ type: 'refresh', token: old })).toMatchObject({ code: 'unauthorized' });
    // A look at all sessions finds nothing against it.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await client.fence();
    client.terminate();
  }, 20_000);

  test('[JW5] with `before` exactly what was issued before is over, and who signs in again is in at once', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const client = await TestClient.open(node.engine.url, { token: await issued('cut', now * 1_000) });
    await client.welcome();
    await node.engine.revoke({ user: 'cut', before: now });
    expect(await client.closed).toMatchObject({ code: 4502 });
    expect(
      await TestClient.refused(node.engine.url, { token: await issued('cut', (now - 1) * 1_000) }),
    ).toMatchObject({ status: 401 });
    const again = await TestClient.open(node.engine.url, { token: await issued('cut', now * 1_000) });
    await again.welcome();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await again.fence();
    again.terminate();
  });

  test('[JW5] a token without iat is refused until it is taken back, and its user is named', async () => {
    const undated = new SignJWT({ sub: 'no-iat', exp: Math.floor(Date.now() / 1_000) + 60 })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(node.config.jwtSecret));
    const token = await undated;
    const client = await TestClient.open(node.engine.url, { token });
    await client.welcome();
    expect(await node.engine.revoke({ user: 'no-iat', before: 5 })).toEqual({
      at: expect.any(Number),
      withoutIat: ['no-iat'],
    });
    expect(await client.closed).toMatchObject({ code: 4502 });
    expect(await TestClient.refused(node.engine.url, { token })).toMatchObject({ status: 401 });
    const [row] = await node.database.query(
      `select until = 'infinity' as lasts from vagus.revocations where "user" = 'no-iat'`,
    );
    expect(row).toEqual({ lasts: true });
    expect(await node.engine.unrevoke({ user: 'no-iat' })).toBe(true);
    expect(await node.engine.unrevoke({ user: 'no-iat' })).toBe(false);
    const again = await TestClient.open(node.engine.url, { token });
    await again.welcome();
    again.terminate();
    expect(await node.engine.revoke({ user: 'has-iat' })).toMatchObject({ withoutIat: [] });
  });

  test('[JW5] a revocation that refuses a token without iat is not forgotten from then on', async ({
    expect,
  }) => {
    const sign = (claims: object): Promise<string> =>
      new SignJWT({ exp: Math.floor(Date.now() / 1_000) + 60, ...claims })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(new TextEncoder().encode(node.config.jwtSecret));
    expect(await node.engine.revoke({ user: 'later' })).toMatchObject({ withoutIat: [] });
    await node.engine.revoke({ session: 'later-s' });
    const lasting = async (): Promise<unknown[]> => {
      const rows = await node.database.query(
        `select coalesce("user", session) as name from vagus.revocations
         where until = 'infinity' and coalesce("user", session) like 'later%' order by 1`,
      );
      return rows.map(({ name }) => name);
    };
    expect(await lasting()).toEqual([]);
    for (const claims of [{ sub: 'later' }, { sub: 'other', sid: 'later-s' }])
      expect(await TestClient.refused(node.engine.url, { token: await sign(claims) })).toMatchObject({
        status: 401,
      });
    await expect.poll(lasting).toEqual(['later', 'later-s']);
    await node.engine.unrevoke({ session: 'later-s' });
    expect(await lasting()).toEqual(['later']);
  });

  test.each([
    [{ user: 'a', session: 'b' }],
    [{}],
    [{ session: 'a', before: 5 }],
    [{ user: 'a', before: -1 }],
    [{ user: 'a', before: Number.NaN }],
    [{ user: 'a', before: '5' }],
    // Milliseconds by mistake.
    [{ user: 'a', before: Date.now() }],
  ])('[JW5] %j cannot be revoked', async (which) => {
    await expect(node.engine.revoke(which as never)).rejects.toMatchObject({ code: 'bad_request' });
  });

  test('[JW3] a revocation by another process is noticed at the next heartbeat interval', async () => {
    const client = await node.connect('ext', { session: 'ext-1' });
    await node.database.query(
      `insert into vagus.revocations (session, issued_by, until) values ('ext-1', 0, now() + interval '1 hour')`,
    );
    expect(await client.closed).toMatchObject({ code: 4502 });
  });

  test('[JW3] [JW5] so is one of a user, by when a connection was opened, though its token is refreshed and newer', async () => {
    const client = await node.connect('ext-user');
    const token = await issued('ext-user', Date.now() + 4_000);
    await client.request({ type: 'refresh', token });
    await node.database.query(
      `insert into vagus.revocations ("user", issued_by, issued_before, revoked_at, until)
       values ('ext-user', 0, 5, now(), now() + interval '1 hour')`,
    );
    expect(await client.closed).toMatchObject({ code: 4502 });
    const again = await TestClient.open(node.engine.url, { token });
    await again.welcome();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await again.fence();
    again.terminate();
  });
});

describe('[JW4] rights to a room', () => {
  test('[JW4] a private room is joined, read and written by members only; its existence is not hidden', async () => {
    const [owner, stranger] = [await node.connect('owner'), await node.connect('stranger')];
    const { room } = await owner.request({ type: 'create', access: 'private' });
    await owner.request({ type: 'chat', room, content: 'secret' });
    for (const request of [
      { type: 'join' },
      { type: 'chat', content: 'x' },
      { type: 'history' },
      { type: 'presence' },
    ]) {
      expect(await stranger.request({ ...request, room })).toMatchObject({
        code: 'forbidden',
        retryable: false,
      });
    }
    expect(JSON.stringify(stranger.frames)).not.toContain('secret');
  });

  test('[JW4] an admin passes every check of rights', async () => {
    const [owner, admin] = [
      await node.connect('owner'),
      await node.connect('root', { scope: 'chat vagus:admin' }),
    ];
    const { room } = await owner.request({ type: 'create', access: 'private' });
    expect(await admin.request({ type: 'join', room })).toMatchObject({ type: 'ack' });
    expect(await admin.request({ type: 'chat', room, content: 'x' })).toMatchObject({ seq: 1 });
    expect(await admin.request({ type: 'history', room })).toMatchObject({ messages: [{ content: 'x' }] });
  });

  test('[JW4] a removed user is off the channel at once: gets a notice, and nothing later', async () => {
    const [owner, ben] = [await node.connect('owner'), await node.connect('ben')];
    const { room } = await owner.request({ type: 'create', access: 'private', members: ['ben'] });
    await owner.request({ type: 'join', room });
    await ben.request({ type: 'join', room });
    await owner.type('notification', 'joined');
    await owner.request({ type: 'chat', room, content: 'for both' });
    await ben.chat(room, 'for both');
    await node.engine.setMember(room as string, 'ben', false);
    expect(await ben.type('notification', 'left')).toEqual({
      type: 'notification',
      action: 'left',
      room,
      data: { users: ['ben'], reason: 'removed' },
    });
    expect(await owner.type('notification', 'left')).toMatchObject({ data: { users: ['ben'] } });
    await owner.request({ type: 'chat', room, content: 'without ben' });
    expect(await ben.request({ type: 'chat', room, content: 'x' })).toMatchObject({ code: 'forbidden' });
    expect(await ben.request({ type: 'leave', room })).toMatchObject({ code: 'not_joined' });
    expect(ben.chats(room as string)).toEqual(['1 for both']);
    await node.engine.setMember(room as string, 'ben', true);
    expect(await ben.request({ type: 'join', room, since: 1 })).toMatchObject({ type: 'ack', seq: 2 });
    await ben.chat(room as string, 'without ben');
  });

  test('[JW4] [DG4] a removed user who sends a stored message again gets its ack, and not forbidden', async () => {
    const [owner, ben] = [await node.connect('owner'), await node.connect('ben')];
    const { room } = await owner.request({ type: 'create', access: 'private', members: ['ben'] });
    const stored = { type: 'chat', id: 'in-time', room, content: 'x' };
    expect(await ben.request(stored)).toMatchObject({ type: 'ack', seq: 1 });
    await node.engine.setMember(room as string, 'ben', false);
    expect(await ben.request(stored)).toMatchObject({ type: 'ack', seq: 1, duplicate: true });
    expect(await ben.request({ ...stored, id: 'too-late' })).toMatchObject({ code: 'forbidden' });
    const other = await node.connect('other');
    expect(await other.request(stored)).toMatchObject({ code: 'forbidden' });
    expect(await owner.request({ type: 'history', room })).toMatchObject({ messages: [{ id: 'in-time' }] });
  });

  test('[JW4] a room that is deleted is closed to everyone, and gone', async () => {
    const [owner, ben] = [await node.connect('owner'), await node.connect('ben')];
    const { room } = await owner.request({ type: 'create', access: 'public' });
    await owner.request({ type: 'chat', room, content: 'x' });
    await ben.request({ type: 'join', room });
    await node.engine.deleteRoom(room as string);
    expect(await ben.type('notification', 'room_closed')).toEqual({
      type: 'notification',
      action: 'room_closed',
      room,
      data: {},
    });
    for (const request of [
      { type: 'join' },
      { type: 'chat', content: 'x' },
      { type: 'history' },
      { type: 'presence' },
    ]) {
      expect(await ben.request({ ...request, room })).toMatchObject({ code: 'gone' });
    }
    // Made anew, it goes on counting: an old position does not point into the new log.
    expect(await ben.request({ type: 'create', room, access: 'public' })).toMatchObject({ type: 'ack' });
    expect(await owner.request({ type: 'chat', room, content: 'new' })).toMatchObject({ seq: 2 });
  });
});

describe('[JW2] what a token may hold', () => {
  const sign = (claims: Record<string, unknown>): Promise<string> =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(node.config.jwtSecret));
  const now = (): number => Date.now() / 1_000;

  test('[JW2] times with a fraction are times, and the session is checked like any other', async () => {
    const claims = { sub: 'frac', sid: 'frac-1', iat: now() - 10.25, exp: now() + 60.5 };
    const client = await TestClient.open(node.engine.url, { token: await sign(claims) });
    await client.welcome();
    await node.engine.revoke({ user: 'frac' });
    expect(await client.closed).toMatchObject({ code: 4502 });
    expect(await TestClient.refused(node.engine.url, { token: await sign(claims) })).toMatchObject({
      status: 401,
    });
  });

  test.each([
    ['a sid with U+0000', { sid: 'a\u0000b' }],
    ['a jti with half a surrogate', { jti: 'a\ud800' }],
    ['a sid of 257 characters', { sid: 'x'.repeat(257) }],
    ['an iat out of range', { iat: -1e300 }],
    ['an iat in the future', { iat: Date.now() / 1_000 + 3_600 }],
    ['an exp 31 days from its iat, though that is near', { iat: Date.now() / 1_000 - 31 * 86_400 + 59 }],
  ])('[JW2] %s is refused before the store hears of it', async (_, claims) => {
    const token = await sign({ sub: 'odd', exp: now() + 60, ...claims });
    expect(await TestClient.refused(node.engine.url, { token })).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    });
    const client = await node.connect('odd');
    expect(await client.request({ type: 'refresh', token })).toMatchObject({ code: 'unauthorized' });
    client.terminate();
  });

  test('[JW2] [JW5] jti names the session when there is no sid', async () => {
    const client = await TestClient.open(node.engine.url, {
      token: await sign({ sub: 'jt', jti: 'jt-1', exp: now() + 60 }),
    });
    await client.welcome();
    await node.engine.revoke({ session: 'jt-1' });
    expect(await client.closed).toMatchObject({ code: 4502 });
  });

  test('[JW2] [JW3] a client that the leeway has admitted stays until its end', async () => {
    const exp = Math.floor(now()) - 2;
    const client = await TestClient.open(node.engine.url, { token: await sign({ sub: 'lee', exp }) });
    expect(Date.parse((await client.welcome())['expiresAt'])).toBe((exp + 5) * 1_000);
    await client.fence();
    expect(await client.closed).toMatchObject({ code: 4005 });
    expect(now()).toBeGreaterThanOrEqual(exp + 5);
  });
});
