import { expect } from 'vitest';
import type { Frame, TestClient } from './client.ts';
import type { Nodes } from './nodes.ts';

/** Sends until it is acked, whatever happens meanwhile, as an SDK does. */
export async function acked(
  client: TestClient,
  room: string,
  id: string,
  patienceMs = 15_000,
): Promise<Frame> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const reply = await client.request({ type: 'chat', room, id, content: id }, patienceMs);
    if (reply['type'] === 'ack') return reply;
    expect(['unavailable', 'outcome_unknown']).toContain(reply['code']);
    if (Date.now() > end) throw new Error(`${id} is not acked: ${JSON.stringify(reply)}`);
    await new Promise((resolve) => setTimeout(resolve, (reply['retryAfterMs'] as number | undefined) ?? 100));
  }
}

/** The contents that a client was shown, in order. */
export const shown = (client: TestClient, room: string): string[] =>
  client.chats(room).map((chat) => chat.split(' ')[1] ?? '');

let rooms = 0;

/** A room whose home is the node of this name. */
export async function roomAt(nodes: Nodes, name: string, client: TestClient): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const room = `at-${name}-${++rooms}`;
    await client.request({ type: 'join', room });
    await acked(client, room, 'first');
    if ((await nodes.homeOf(`room:${room}`)) === name) return room;
    await client.request({ type: 'leave', room });
  }
  throw new Error(`no room lives on ${name}`);
}
