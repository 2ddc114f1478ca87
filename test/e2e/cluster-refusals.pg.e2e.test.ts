import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NodeProcess } from '../support/node-process.ts';
import { CLUSTER_SECRET, Nodes } from '../support/nodes.ts';

// Nodes that are set up in a wrong way: one clear line each, and nothing is lost.

describe('a cluster of two nodes', () => {
  let nodes: Nodes;
  beforeAll(async () => {
    nodes = await Nodes.start(['a', 'b']);
  });
  afterAll(() => nodes.stop());

  /** Two clients chat, over both nodes. */
  async function chats(content: string): Promise<void> {
    const [ann, bob] = [await nodes.get('a').connect('ann'), await nodes.get('b').connect('bob')];
    for (const client of [ann, bob]) await client.request({ type: 'join', room: 'lobby' });
    const send = (): Promise<unknown> => ann.request({ type: 'chat', room: 'lobby', id: content, content });
    await expect.poll(send, { timeout: 10_000 }).toMatchObject({ type: 'ack' });
    await bob.chat('lobby', content);
    for (const client of [ann, bob]) await client.close();
  }

  test('[RC4] a node with another secret ends with its reason, and the others chat on', async () => {
    const stranger = await NodeProcess.spawn(['serve'], {
      ...nodes.environmentOf('c'),
      VAGUS_CLUSTER_SECRET: `${CLUSTER_SECRET}, or so`,
    });
    const { code, stderr } = await stranger.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('other nodes have another VAGUS_CLUSTER_SECRET (clusterSecret)');
    await expect.poll(() => nodes.shares().then((shares) => 'c' in shares), { timeout: 15_000 }).toBe(false);
    await chats('after-stranger');
  });

  test('[D11] a second node of one name ends with its reason, and the first goes on', async () => {
    const second = await NodeProcess.spawn(['serve'], nodes.environmentOf('a'));
    const { code, stderr } = await second.ended;
    expect(code).toBe(1);
    expect(stderr).toContain(
      'another process is the node of this name: each node needs its own VAGUS_NODE_ID',
    );
    await expect
      .poll(() => nodes.shares().then((shares) => Object.keys(shares).length), { timeout: 15_000 })
      .toBe(2);
    await chats('after-second');
  });

  test('[D11] an edge takes clients, and no channels', async () => {
    const edge = await nodes.add('e', { VAGUS_ROLE: 'edge' });
    const [eve, bob] = [await edge.connect('eve'), await nodes.get('b').connect('bob')];
    for (const client of [eve, bob]) await client.request({ type: 'join', room: 'lobby' });
    const send = (): Promise<unknown> =>
      eve.request({ type: 'chat', room: 'lobby', id: 'by-edge', content: 'by-edge' });
    await expect.poll(send, { timeout: 10_000 }).toMatchObject({ type: 'ack' });
    await bob.chat('lobby', 'by-edge');
    expect(await nodes.shares()).not.toHaveProperty('e');
    for (const client of [eve, bob]) await client.close();
  });
});
