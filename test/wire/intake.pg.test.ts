import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { TestEngine } from '../support/engine.ts';

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({
    messageMs: 1_000,
    inboundBytesPerSecond: 1_048_576,
    rateAbusePerMinute: 20,
  });
});
afterAll(() => node.stop());

const limited = async (kind: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`)).text();
  return Number(new RegExp(`^vagus_limited_total\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
};

/** The socket below `ws`, for what no client would send. */
const below = (client: TestClient): Socket => (client.ws as unknown as { _socket: Socket })._socket;

const ABUSE = { code: 4504, reason: 'rate_abuse' };

describe('[LM11] frames that are no requests', () => {
  test('[LM11] [CL2] a flood of pongs is put out; others are served, and its user may come back at once', async () => {
    const [flooding, calm] = [await node.connect('ann'), await node.join('bob', 'calm')];
    const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
    for (let n = 0; n < 100; n++)
      below(flooding).write(Buffer.concat(Array.from({ length: 1_000 }, () => pong)));
    expect(await flooding.closed).toEqual(ABUSE);
    expect(await calm.request({ type: 'chat', room: 'calm', content: 'on we go' })).toMatchObject({ seq: 1 });
    expect(await limited('control_frames')).toBeGreaterThanOrEqual(20);
    const again = await node.connect('ann');
    expect(await again.request({ type: 'join', room: 'calm' })).toMatchObject({ seq: 1 });
  });

  test('[LM11] pings within the budget are answered, those beyond it are not', async () => {
    const client = await node.connect('ann');
    let answers = 0;
    client.ws.on('pong', () => answers++);
    for (let n = 0; n < 110; n++) client.ws.ping(String(n));
    await client.fence();
    expect(answers).toBeGreaterThanOrEqual(100);
    expect(answers).toBeLessThan(110);
    client.terminate();
  });

  test('[LM11] [CL2] a message of more than 64 fragments closes with 4504, whatever is in them', async () => {
    const [sound, broken] = [await node.connect('ann'), await node.connect('bob')];
    sound.ws.send('{"type":"heartbeat","status":"ping","id":"f"', { fin: false });
    for (let n = 0; n < 62; n++) sound.ws.send('', { fin: false });
    sound.ws.send('}', { fin: true });
    expect(await sound.type('heartbeat')).toMatchObject({ id: 'f' });
    for (let n = 0; n < 5_000; n++) broken.ws.send('x', { fin: false });
    expect(await broken.closed).toEqual(ABUSE);
    expect(await limited('fragments')).toBe(1);
    expect(await sound.request({ type: 'heartbeat', status: 'ping' })).toMatchObject({ status: 'pong' });
  });

  test('[LM11] [CL2] a message that is not whole in time closes with 4504, however busy its sender is', async () => {
    const [inFragments, inHalves] = [await node.connect('ann'), await node.connect('bob')];
    inFragments.ws.send('{"type":', { fin: false });
    const pings = setInterval(() => inFragments.ws.ping(), 200);
    // Half a frame: a header that promises more than ever comes.
    below(inHalves).write(Buffer.from([0x81, 0x80 | 126, 0x10, 0x00, 0, 0, 0, 0, 0x7b]));
    const began = performance.now();
    expect(await inFragments.closed).toEqual(ABUSE);
    expect(await inHalves.closed).toEqual(ABUSE);
    clearInterval(pings);
    const tookMs = performance.now() - began;
    expect(tookMs).toBeGreaterThanOrEqual(950);
    expect(tookMs).toBeLessThan(4_000);
    expect(await limited('unfinished')).toBe(2);
  });

  test('[LM11] over its bytes a client is read more slowly, and is answered all the same', async () => {
    // Two rooms: what may come at once is more than may wait for the log in one (LM8).
    const client = await node.join('eve', 'bytes0');
    await client.request({ type: 'join', room: 'bytes1' });
    const content = 'x'.repeat(64_000);
    const before = await limited('bytes');
    const began = performance.now();
    const replies = await Promise.all(
      Array.from({ length: 80 }, (_, n) =>
        client.request({ type: 'chat', room: `bytes${n % 2}`, id: `m${n}`, content }),
      ),
    );
    expect(replies.every(({ type }) => type === 'ack')).toBe(true);
    // 5.12 MB, of which 4.19 MB may come at once.
    expect(performance.now() - began).toBeGreaterThan(850);
    expect(await limited('bytes')).toBeGreaterThan(before);
    client.terminate();
  });

  test('[LM11] [CL2] a client that goes on over its bytes is closed', async () => {
    const client = await node.connect('eve');
    // Behind the close nothing counts: what it would be told of is not known any more.
    const text = JSON.stringify({ type: 'heartbeat', status: 'pong', pad: 'x'.repeat(60_000) });
    for (let n = 0; n < 200; n++) client.send(text);
    expect(await client.closed).toEqual(ABUSE);
  });
});
