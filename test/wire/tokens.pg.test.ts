import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ heartbeatIntervalMs: 500, heartbeatTimeoutMs: 60_000 });
});
afterAll(() => node.stop());

describe('[JW3] expiry', () => {
  test('[JW3] [CL2] at exp the connection is closed with 4005', async () => {
    const client = await node.connect('ann', { ttlMs: 1_500 });
    const { expiresAt } = client.welcomed as { expiresAt: string };
    expect(await client.closed).toEqual({ code: 4005, reason: 'token_expired' });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
    expect(Date.now() - Date.parse(expiresAt)).toBeLessThan(1_000);
  });

  test('[JW3] [RQ9] unless it was refreshed', async () => {
    const client = await node.connect('ann', { ttlMs: 1_500 });
    await client.request({ type: 'refresh', token: await node.token('ann') });
    await new Promise((resolve) => setTimeout(resolve, 2_600));
    await client.fence();
    client.terminate();
  });
});

describe('[JW5] revocation', () => {
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

  test('[JW5] a user’s tokens issued up to that second are refused, later ones are not', async () => {
    const client = await node.connect('ban');
    await node.engine.revoke({ user: 'ban' });
    expect(await client.closed).toMatchObject({ code: 4502 });
    expect(await TestClient.refused(node.engine.url, { token: await node.token('ban') })).toMatchObject({
      status: 401,
    });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    (await node.connect('ban')).terminate();
  });

  test('[JW3] a revocation written by somebody else is noticed at the next heartbeat interval', async () => {
    const client = await node.connect('ext', { session: 'ext-1' });
    await node.database.query(
      `insert into vagus.revocations (session, issued_by, until) values ('ext-1', 0, now() + interval '1 hour')`,
    );
    expect(await client.closed).toMatchObject({ code: 4502 });
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

  test('[JW4] who is removed is off the channel at once: told so, and sent nothing later', async () => {
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

  test('[JW4] [DG4] who is removed and sends again what is stored is told so, not that it is forbidden', async () => {
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
    ['an iat out of range', { iat: 1e300 }],
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

  test('[JW2] [JW3] who is let in by the leeway has it', async () => {
    const exp = Math.floor(now()) - 2;
    const client = await TestClient.open(node.engine.url, { token: await sign({ sub: 'lee', exp }) });
    expect(Date.parse((await client.welcome())['expiresAt'])).toBe((exp + 5) * 1_000);
    await client.fence();
    expect(await client.closed).toMatchObject({ code: 4005 });
    expect(now()).toBeGreaterThanOrEqual(exp + 5);
  });
});
