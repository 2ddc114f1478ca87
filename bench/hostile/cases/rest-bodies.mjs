import { Agent, request } from 'node:http';

export const name = 'rest-bodies';
export const what = 'one user posts messages of 60 KB over 20 kept connections, far over the limit';

const body = JSON.stringify({
  content: 'x',
  data: { pad: Array.from({ length: 12_000 }, (_, n) => n % 1_000) },
});

export async function attack({ port, from, token, signal }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 20, localAddress: from });
  const post = () =>
    new Promise((resolve) => {
      const sent = request(
        {
          agent,
          port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/v1/rooms/calm2/messages',
          headers: {
            authorization: `Bearer ${token}`,
            'content-type': 'application/json',
            'content-length': body.length,
          },
        },
        (answer) => answer.resume().on('close', resolve),
      );
      sent.on('error', resolve).end(body);
    });
  const worker = async () => {
    while (!signal.aborted) await post();
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  agent.destroy();
}
