import { expect, test } from 'vitest';
import { Access } from '../../src/actors/home/access.ts';
import { Evictions } from '../../src/actors/home/evictions.ts';
import { Ledger } from '../../src/actors/home/ledger.ts';
import { LEDGER_LIMITS } from '../../src/actors/home/ledger-limits.ts';
import { Presence } from '../../src/actors/home/presence.ts';
import { Outbox } from '../../src/actors/outbox.ts';
import type { Address, Turn } from '../../src/runtime/ports/actor.ts';
import { Program } from '../support/program.ts';

const turn = { now: 0, wall: 0, deadline: 10_000, random: () => 0.5 } as unknown as Turn;

test('[JW4] who is joined, and whom the log refuses to read, is looked at anew and put off', () => {
  const program = new Program();
  const ask = (message: object): void => {
    program.system.ask('room:p' as Address<object>, message, { deadlineMs: 10_000 }, () => {});
    program.settle();
  };
  ask({ type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' });
  const number = program.connect('ann');
  program.frame(number, { type: 'join', id: '1', room: 'p' });
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'ack', id: '1' });
  // A removal that was given up, and is carried out later: the home does not hear of it.
  program.world.store.call('setMember', { room: 'p', user: 'ann', isMember: false }, 0, () => {});
  program.frame(number, { type: 'history', id: '2', room: 'p' });
  expect(program.frames(number).slice(-2)).toMatchObject([
    { type: 'error', id: '2', code: 'forbidden' },
    { type: 'notification', action: 'left', room: 'p', data: { users: ['ann'], reason: 'removed' } },
  ]);
  program.frame(number, { type: 'signal', id: '3', room: 'p', data: 1 });
  expect(program.frames(number).at(-1)).toMatchObject({ type: 'error', id: '3', code: 'not_joined' });
});

test('[JW4] whoever is only asking to come in makes nobody’s right be read anew', () => {
  const program = new Program();
  let reads = 0;
  program.hook = ({ name }) => {
    if (name === 'membership' || name.startsWith('room')) reads++;
    return false;
  };
  const request = { type: 'create', creator: 'bob', access: 'private', members: ['ann'], metadata: '{}' };
  program.system.ask('room:p' as Address<object>, request, { deadlineMs: 10_000 }, () => {});
  program.settle();
  program.frame(program.connect('ann'), { type: 'join', id: '1', room: 'p' });
  const outsider = program.connect('eve');
  program.frame(outsider, { type: 'join', id: 'j', room: 'p' });
  reads = 0;
  for (let n = 1; n <= 10; n++) {
    program.inbox.frame(outsider, JSON.stringify({ type: 'history', id: `h${n}`, room: 'p' }));
    program.frame(outsider, { type: 'join', id: `j${n}`, room: 'p' });
  }
  expect(program.frames(outsider).at(-1)).toMatchObject({ type: 'error', code: 'forbidden' });
  expect(reads).toBe(0);
});

/** How a private room whose home has just begun puts people off. */
function evictionsOf(): {
  readonly evictions: Evictions;
  readonly access: Access;
  readonly presence: Presence;
} {
  const access = new Access({ room: 'p', autoCreate: true, deadlineMs: 1_000, retryAfterMs: 1_000 });
  const presence = new Presence(15_000);
  const ledger = new Ledger('room:p', LEDGER_LIMITS, turn, () => true);
  const parts = { incarnation: 'n1.x', retryAfterMs: 1_000, access, presence, ledger, changed: () => {} };
  access.changed({ access: 'private', metadata: '{}', creator: 'bob', isDeleted: false });
  return { evictions: new Evictions(parts), access, presence };
}

test('[JW4] whoever is removed is put off the channel, also by a home that does not know of him yet', () => {
  const out = new Outbox();
  evictionsOf().evictions.expel('ann', turn, out);
  expect(out.effects).toMatchObject([
    { type: 'publish', to: 'relay:room:p', message: { type: 'evict', users: ['ann'], spares: 'nobody' } },
  ]);
});

test('[JW4] a right that cannot be read when all are looked at anew is read later', () => {
  const out = new Outbox();
  const { evictions, access, presence } = evictionsOf();
  presence.enter('conn:n1.1.1', { user: 'ann', isAdmin: false }, 'alive', turn);
  evictions.judgeAgain(turn, out);
  const context = (out.effects.find(({ type }) => type === 'ask') as any).context;
  access.known(context, { ok: true, body: { ok: false, failure: 'failed' } }, turn, out);
  expect(out.effects.at(-1)).toMatchObject({ type: 'arm', timer: 'record' });
  expect(presence.users()).toEqual(['ann']);
});

test('[D7] what a room is is read after its channel is claimed: what is changed in between is seen', () => {
  let reads = 0;
  const out = new Outbox();
  const ledger = new Ledger('room:p', LEDGER_LIMITS, turn, () => ++reads > 0);
  ledger.start(turn, out);
  const claims = out.effects.filter((effect) => effect.type === 'ask') as unknown as {
    readonly context: never;
  }[];
  expect([claims.length, reads]).toEqual([1, 0]);
  ledger.answered(claims[0]!.context, { ok: true, body: { ok: true, value: null } }, turn, out);
  expect(reads).toBe(1);
});
