import { expect, test } from 'vitest';
import { ROOT } from '../support/source.ts';

interface Account {
  readonly done: number;
  readonly missing: number;
  send(due: number): { readonly n: number; readonly room: number };
  shown(room: number, member: number, n: number): number | undefined;
  acked(n: number): number | undefined;
}

const { Account } = (await import(`${ROOT}bench/compare/account.mjs`)) as {
  Account: new (size: { readonly rooms: number; readonly members: number }) => Account;
};

/** Two rooms of two, four messages sent: 0 and 2 to the first room, 1 and 3 to the second. */
function makeAccount(): Account {
  const account = new Account({ rooms: 2, members: 2 });
  const sent = [10, 11, 12, 13].map((due) => account.send(due));
  expect(sent.map(({ room }) => room)).toEqual([0, 1, 0, 1]);
  return account;
}

test('a message is done when all members have it and its sender the ack, in whatever order', () => {
  const account = makeAccount();
  expect([account.shown(0, 0, 0), account.shown(0, 1, 0), account.acked(0)]).toEqual([
    undefined,
    undefined,
    10,
  ]);
  expect([account.acked(1), account.shown(1, 1, 1), account.shown(1, 0, 1)]).toEqual([
    undefined,
    undefined,
    11,
  ]);
  expect([account.done, account.missing]).toEqual([2, 2]);
});

test('a message that comes twice is a fault, also when all had it', () => {
  const account = makeAccount();
  account.shown(0, 0, 0);
  expect(() => account.shown(0, 0, 0)).toThrow('message 0 came twice to a member of room 0');
  account.shown(0, 1, 0);
  account.acked(0);
  expect(() => account.shown(0, 1, 0)).toThrow('message 0 came twice to a member of room 0');
});

test('a message before the one that was sent before it is a fault', () => {
  const account = makeAccount();
  account.shown(0, 1, 0);
  expect(() => account.shown(0, 0, 2)).toThrow('message 2 came to a member of room 0 before message 0');
});

test('a message in a room that it was not sent to, or that was not sent at all, is a fault', () => {
  const account = makeAccount();
  expect(() => account.shown(1, 0, 0)).toThrow('message 0 was shown in room 1');
  for (const n of [0, 2]) account.shown(0, 0, n);
  expect(() => account.shown(0, 0, 4)).toThrow('message 4 came before it was sent');
  expect(() => account.shown(0, 0, Number.NaN)).toThrow('message NaN was shown in room 0');
});

test('an ack comes once', () => {
  const account = makeAccount();
  account.acked(3);
  expect(() => account.acked(3)).toThrow('message 3 was acked twice');
  expect(() => account.acked(4)).toThrow('message 4 was acked twice, or never sent');
});
