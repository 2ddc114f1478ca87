import { describe, expect, test } from 'vitest';
import { CROSSING } from '../../src/actors/messages/crossing.ts';
import type { SimNode } from '../../src/sim/world/node.ts';
import { Scenario, type ScenarioClient } from '../support/scenario.ts';

// Two nodes, one database. Rooms whose names begin with `far` and the users `bo…` live on the second; everything said between the
// nodes travels as text and is held against its schema. What a cluster does when a node dies is not decided here.

const SEEDS = Array.from({ length: 10 }, (_, at) => at + 1);

function twoNodes(seed: number): {
  scenario: Scenario;
  far: SimNode;
  al: ScenarioClient;
  bo: ScenarioClient;
} {
  const isElsewhere = (address: string): boolean => /^(room:far|user:bo)/.test(address);
  const scenario = new Scenario(seed, { isElsewhere, graceMs: 500 });
  const far = scenario.other as SimNode;
  return { scenario, far, al: scenario.connect('al'), bo: scenario.connect('bo', {}, far) };
}

const seqs = (client: ScenarioClient, room: string): unknown[] => client.chats(room).map(({ seq }) => seq);

describe.each(SEEDS)('two nodes, seed %i', (seed) => {
  test.each(['near', 'far'])('a room that lives on one serves clients of both: %s', (room) => {
    const { scenario, al, bo } = twoNodes(seed);
    for (const client of [al, bo])
      expect(client.request({ type: 'join', room })).toMatchObject({ type: 'ack', room });
    for (let n = 0; n < 20; n++) {
      for (const client of [al, bo]) client.send({ type: 'chat', room, content: `message ${n}` });
      // So that no bound of the seed's is met.
      scenario.run(30);
    }
    scenario.until(() => al.chats(room).length === 40 && bo.chats(room).length === 40);
    for (const client of [al, bo])
      expect(seqs(client, room)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
    const replies = [al, bo].flatMap(({ frames }) => frames.filter(({ type }) => type === 'error'));
    expect(replies).toEqual([]);
  });

  test('both nodes know the present users, their joins, signals and leaves', () => {
    const { scenario, al, bo } = twoNodes(seed);
    for (const client of [al, bo]) client.request({ type: 'join', room: 'far' });
    for (const client of [al, bo])
      expect(client.request({ type: 'presence', room: 'far' })).toMatchObject({
        members: [{ user: 'al' }, { user: 'bo' }],
      });
    al.say({ type: 'signal', room: 'far', data: { typing: true } });
    scenario.until(() => bo.notifications('signal').length > 0);
    al.request({ type: 'leave', room: 'far' });
    scenario.until(() => bo.notifications('left').length > 0);
    expect(bo.notifications('left')).toMatchObject([{ room: 'far', data: { users: ['al'] } }]);
  });

  test('a private room: made from here, kept there; members are put off wherever they are', () => {
    const { scenario, al, bo } = twoNodes(seed);
    expect(al.request({ type: 'create', room: 'far-p', access: 'private', members: ['bo'] })).toMatchObject({
      type: 'ack',
    });
    expect(bo.request({ type: 'join', room: 'far-p' })).toMatchObject({ type: 'ack' });
    const cy = scenario.connect('cy');
    expect(cy.request({ type: 'join', room: 'far-p' })).toMatchObject({ code: 'forbidden' });
    scenario.askHome('room:far-p', { type: 'setMember', user: 'bo', isMember: false });
    scenario.until(() => bo.notifications('left').length > 0);
    expect(bo.request({ type: 'chat', room: 'far-p', content: 'x' })).toMatchObject({ code: 'forbidden' });
  });

  test('an event for a user whose home is on one reaches a device on the other', () => {
    const { scenario, far } = twoNodes(seed);
    const tablet = scenario.connect('bo');
    const entry = { id: 'e1', sender: 'svc:x', content: '', data: '{"n":1}', sentAt: null };
    scenario.askHome('user:bo', { type: 'publish', entry, by: null });
    scenario.until(() => tablet.notifications('user_event').length > 0);
    expect(far.system.census().cells.get('user')).toBe(1);
  });

  test('a node that is gone takes its devices with it, and what it was asked ends', () => {
    const { scenario, al, bo } = twoNodes(seed);
    for (const room of ['near', 'far']) for (const client of [al, bo]) client.request({ type: 'join', room });
    const under = al.send({ type: 'chat', room: 'far', content: 'on its way' });
    scenario.loseOther();
    scenario.until(() => al.notifications('left').some(({ room }) => room === 'near'));
    scenario.until(() => al.reply(under) !== undefined);
    const said = al.reply(under) as { type: string; code?: string };
    expect(said.type === 'ack' || ['outcome_unknown', 'unavailable'].includes(said.code ?? '')).toBe(true);
    expect(al.request({ type: 'chat', room: 'near', content: 'here' })).toMatchObject({ type: 'ack' });
    expect(al.request({ type: 'chat', room: 'far', content: 'there' })).toMatchObject({ type: 'error' });
  });
});

test('the schemas of what crosses know every message by its type', () => {
  expect(CROSSING.home.safeParse({ type: 'enter' }).success).toBe(false);
  expect(CROSSING.home.safeParse({ type: 'withdraw', incarnation: 'n.1' }).success).toBe(true);
  expect(CROSSING.home.safeParse({ type: 'withdraw', incarnation: 'n.1', more: 1 }).success).toBe(false);
});
