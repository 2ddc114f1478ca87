import { token } from '../token.mjs';

export const ROOM = 'large';

/** 63 MB: as many messages as a join replays, each as large as a frame may be. */
const COUNT = 1_000;
const CONTENT = 'x'.repeat(63_000);

/** Filling the room is nobody's attack: who does that may send as he likes. */
export const settings = { VAGUS_MESSAGES_PER_MINUTE: '0', VAGUS_REQUESTS_PER_MINUTE: '600' };

/** Fills the room over REST, by several users, before anything is measured. */
export async function fill({ port, secret }) {
  const writers = Array.from({ length: 4 }, (_, n) => token(`writer${n}`, secret));
  const write = async (authorization, first) => {
    for (let n = first; n < COUNT; n += writers.length) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/rooms/${ROOM}/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${authorization}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id: `m${n}`, content: CONTENT }),
      });
      if (!answer.ok) throw new Error(`the room cannot be filled: ${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(writers.map((writer, at) => write(writer, at)));
}
