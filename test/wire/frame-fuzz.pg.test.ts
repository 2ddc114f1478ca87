import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { TestEngine } from '../support/engine.ts';
import { randomFrame } from '../support/random-frames.ts';

const FRAMES = 200_000;
/** Of one connection: after 21 that break the protocol it is closed (FR2). */
const PER_CONNECTION = 30;
const ATTACKERS = 6;

const seed = Number(process.env['VAGUS_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let node: TestEngine;
beforeAll(async () => {
  node = await TestEngine.start({ graceMs: 0, roomIdleMs: 1_000 });
});
afterAll(() => node.stop());

async function reading(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${node.engine.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** Sends its share of frames, in connections of a few each; tells nobody what came back. */
async function attack(user: string, frames: readonly string[]): Promise<void> {
  const token = await node.token(user);
  for (let at = 0; at < frames.length; at += PER_CONNECTION) {
    const ws = new WebSocket(node.engine.url, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    ws.on('error', () => {});
    const closed = once(ws, 'close');
    await once(ws, 'open');
    for (const frame of frames.slice(at, at + PER_CONNECTION)) ws.send(frame);
    // The close frame goes behind them: what was sent has been read when it is answered.
    ws.close();
    await closed;
  }
}

test(`[FR2] [FR3] 200,000 random and mutated frames crash nothing, leak nothing, and a valid client keeps its order (seed ${seed})`, async () => {
  const [writer, reader] = [await node.join('writer', 'calm'), await node.join('reader', 'calm')];
  const over = new AbortController();
  let sent = 0;
  const valid = (async () => {
    while (!over.signal.aborted) {
      await writer.request({ type: 'chat', room: 'calm', content: String(++sent) });
      // A room that others fill, too.
      if (sent % 10 === 0) await writer.request({ type: 'chat', room: 'fuzz-a', content: 'x' });
    }
  })();

  const heap: number[] = [];
  // What the node has taken counts: behind the last bad frame that it bears, it takes nothing any more.
  for (let round = 0; (await reading('vagus_frames_received_total')) < FRAMES + sent * 1.2; round++) {
    const frames = fc.sample(randomFrame, { numRuns: 30_000, seed: seed + round });
    const share = Math.ceil(frames.length / ATTACKERS);
    const attacks = Array.from({ length: ATTACKERS }, (_, n) =>
      attack(`mallory${n}`, frames.slice(n * share, (n + 1) * share)),
    );
    await Promise.all(attacks);
    collectGarbage();
    heap.push(process.memoryUsage().heapUsed / 1e6);
  }
  over.abort();
  await valid;

  await writer.request({ type: 'chat', room: 'calm', content: 'end' });
  await reader.chat('calm', 'end');
  const expected = [...Array.from({ length: sent }, (_, at) => String(at + 1)), 'end'].map(
    (content, at) => `${at + 1} ${content}`,
  );
  expect(reader.chats('calm')).toEqual(expected);
  expect(writer.chats('calm')).toEqual(expected);
  expect(await reading('vagus_actor_crashes_total')).toBe(0);

  // Everyone else has gone, and so has what was made for them.
  await expect.poll(() => reading('vagus_connections'), { timeout: 10_000 }).toBe(2);
  await expect
    .poll(() => reading('vagus_actors{kind="conn"}'.replace(/[{}]/g, '\\$&')), { timeout: 10_000 })
    .toBe(2);
  await expect
    .poll(() => reading('vagus_actors{kind="user"}'.replace(/[{}]/g, '\\$&')), { timeout: 10_000 })
    .toBe(2);
  await expect.poll(() => reading('vagus_asks'), { timeout: 10_000 }).toBe(0);
  const [early, late] = [heap[2] as number, heap.at(-1) as number];
  // Both clients keep every frame they got; that is all that may have grown.
  const kept = (reader.frames.length + writer.frames.length) * 1e-3;
  expect(late, `heap in MB after each round: ${heap.map(Math.round).join(' ')}`).toBeLessThan(
    early + kept + 15,
  );
}, 300_000);
