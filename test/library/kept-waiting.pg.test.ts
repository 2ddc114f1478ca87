import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { Library, tokenWith } from '../support/own-server.ts';

// What a hook is asked about takes its time, and rights may be others by then: over real sockets and REST.

let database: TestDatabase;
let library: Library;
let rooms = 0;
let room: string;
/** Answers that a hook owes, each with the action that it is about. */
let owed: { readonly action: string; readonly say: (answer: boolean) => void }[] = [];
/** What the hooks take their time for; everything else is granted at once. */
let slow: string;

const owe = (action: string): boolean | Promise<boolean> =>
  action === slow ? new Promise((say) => owed.push({ action, say })) : true;

beforeAll(async () => {
  database = await createDatabase();
  library = await Library.start({
    databaseUrl: database.url,
    hooks: {
      authorize: ({ action }) => owe(action),
      beforeMessage: () => owe('beforeMessage'),
      deadlineMs: 10_000,
    },
  });
});
beforeEach(() => {
  room = `kept-${++rooms}`;
  owed = [];
  slow = '';
});
afterAll(async () => {
  await library.stop();
  await database.drop();
});

const isOwed = () => expect.poll(() => owed.length).toBe(1);
const stored = () => database.query('select 1 from vagus.messages where channel = $1', [`room:${room}`]);

describe.each(['send', 'beforeMessage'])('a message that waits: %s', (action) => {
  test('[JW4] [JW6] is judged with the token that its connection has by then', async () => {
    const bob = await library.connect('bob');
    await bob.request({ type: 'create', room, access: 'private' });
    slow = action;
    const root = await library.connect('root', await tokenWith({ sub: 'root', scope: 'vagus:admin' }));
    const chat = root.request({ type: 'chat', room, content: 'as an admin' });
    await isOwed();
    slow = '';
    await root.request({ type: 'refresh', token: await tokenWith({ sub: 'root' }) });
    owed[0]?.say(true);
    expect(await chat).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(await stored()).toEqual([]);
  });

  test('[RS1] [JW5] [JW6] is not stored when the session was ended meanwhile, by socket and over REST', async () => {
    slow = action;
    const token = await tokenWith({ sub: 'eve', sid: `s-${room}` });
    const path = `/v1/rooms/${room}/messages`;
    const rest = library.call('eve', path, { method: 'POST', body: { content: 'by REST' }, token });
    await isOwed();
    const eve = await library.connect('eve', await tokenWith({ sub: 'eve', sid: `s-${room}` }));
    eve.send({ type: 'chat', room: `${room}-b`, content: 'by socket' });
    await expect.poll(() => owed.length).toBe(2);
    await library.engine.revoke({ session: `s-${room}` });
    expect((await eve.closed).code).toBe(4502);
    for (const { say } of owed) say(true);
    expect(await rest).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    // A message of the same user that comes later is stored behind what is refused.
    slow = '';
    expect(await library.post('eve', `${room}-b`, { content: 'anew' })).toMatchObject({ body: { seq: 1 } });
    expect(await stored()).toEqual([]);
  });
});

test('[RS2] [JW5] [JW6] a page that waits is not read when the session was ended meanwhile', async () => {
  await library.post('ann', room, { content: 'secret' });
  slow = 'read';
  const token = await tokenWith({ sub: 'eve', sid: `s-${room}` });
  const page = library.call('eve', `/v1/rooms/${room}/messages`, { token });
  await isOwed();
  await library.engine.revoke({ session: `s-${room}` });
  owed[0]?.say(true);
  expect(await page).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
});

test('[RS1] [JW5] [JW6] a token that is newer than the end of its user’s sessions goes on', async () => {
  slow = 'beforeMessage';
  const token = await tokenWith({ sub: 'ben' });
  const path = `/v1/rooms/${room}/messages`;
  const sent = library.call('ben', path, { method: 'POST', body: { content: 'x' }, token });
  await isOwed();
  await library.engine.revoke({ user: 'ben', before: Math.floor(Date.now() / 1_000) - 60 });
  owed[0]?.say(true);
  expect(await sent).toMatchObject({ status: 201 });
});
