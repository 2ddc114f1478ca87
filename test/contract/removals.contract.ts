import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REMOVAL_KEPT_MS } from '../../src/protocol/revocation.ts';
import type { LogStore, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import type { Changed, Fence } from '../../src/runtime/ports/members.ts';
import type { Loss } from '../../src/runtime/ports/revocations.ts';
import { claim, get, newRoom, type StoreUnderTest } from './log-store.contract.ts';

/** A store whose clock goes on at once. */
export interface PassingStore extends StoreUnderTest {
  pass(ms: number): Promise<void>;
}

/** What a log store promises about removals from rooms, which other nodes read by number (D25). */
export function removalsContract(name: string, open: () => Promise<PassingStore>): void {
  describe(`log store contract, removals: ${name}`, () => {
    let under: PassingStore;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    const newest = async (): Promise<number> =>
      (await get(store, 'renew', { incarnation: 'a.1', node: 'a', mode: 'take' })).losses;
    const after = (number: number): Promise<readonly Loss[]> =>
      get(store, 'revokedAfter', { number, limit: 1_000 });
    /** Losses with higher numbers than this, without the numbers. */
    const lostAfter = async (number: number): Promise<unknown[]> =>
      (await after(number)).map(({ number: _, ...loss }) => loss);

    const make = (room: string, members: readonly string[] = []): Promise<boolean | null> =>
      get(store, 'createRoom', { room, access: 'private', metadata: '{}', creator: 'ann', members });
    const setMember = (room: string, user: string, isMember: boolean, fence?: Fence): Promise<Changed> =>
      get(store, 'setMember', { room, user, isMember, ...(fence ? { fence } : {}) });
    const ban = (room: string, more: Partial<StoreCalls['ban']['request']> = {}): Promise<Changed> =>
      get(store, 'ban', { room, user: 'bob', until: null, createsRoom: false, ...more });
    const removed = (room: string, user = 'bob') => ({ kind: 'removal', room, user, why: 'removed' });
    const banned = (room: string, user = 'bob') => ({ kind: 'removal', room, user, why: 'banned' });
    const deleted = (room: string) => ({ kind: 'removal', room, user: null, why: 'deleted' });

    test('[D25] what takes a right away has a number, and is read in the order of the numbers', async () => {
      const known = await newest();
      const [room, other, third] = [newRoom(), newRoom(), newRoom()];
      await make(room, ['bob']);
      expect(await newest()).toBe(known);
      const first = await setMember(room, 'bob', false);
      const revocation = { user: room, session: null, before: null };
      const { at } = await get(store, 'revoke', { ...revocation, keepMs: 60_000 });
      const second = await ban(other, { createsRoom: true });
      const gone = await get(store, 'deleteRoom', { room: third, owner: 'a', epoch: 0 });
      const losses = await after(known);
      expect(losses).toEqual([
        { ...removed(room), number: first },
        { kind: 'revocation', ...revocation, at, number: expect.any(Number) as number },
        { ...banned(other), number: second },
        { ...deleted(third), number: gone?.number },
      ]);
      const numbers = losses.map(({ number }) => number);
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      expect(await newest()).toBe(gone?.number);
      const { losses: seen } = await get(store, 'rooms', { rooms: [newRoom()] });
      expect(seen).toBe(gone?.number);
      expect(await lostAfter(numbers[1] ?? 0)).toEqual([banned(other), deleted(third)]);
      expect(await get(store, 'revokedAfter', { number: known, limit: 2 })).toEqual(losses.slice(0, 2));
    });

    test('[D25] a change by which no user loses a right has no number', async () => {
      const room = newRoom();
      const known = await newest();
      await make(room, ['bob']);
      expect(await setMember(room, 'eve', false)).toBe(0);
      expect(await setMember(room, 'eve', true)).toBe(0);
      expect(await get(store, 'unban', { room, user: 'bob' })).toBe(0);
      expect([await newest(), await after(known)]).toEqual([known, []]);
    });

    test('[D25] a change that the fence stops takes no right, and gives none back', async () => {
      const room = newRoom();
      await make(room, ['bob', 'eve']);
      await claim(store, `room:${room}`, 'a');
      const known = await newest();
      await setMember(room, 'eve', false, { owner: 'a', epoch: 1 });
      await ban(room, { user: 'eve', fence: { owner: 'a', epoch: 1 } });
      const last = await newest();
      const late = { owner: 'a', epoch: 0 };
      expect(await setMember(room, 'bob', false, late)).toBe(null);
      expect(await ban(room, { fence: late })).toBe(null);
      expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 })).toBe(null);
      expect(await setMember(room, 'eve', true, late)).toBe(null);
      expect(await get(store, 'unban', { room, user: 'eve', fence: late })).toBe(null);
      expect(await newest()).toBe(last);
      expect(await lostAfter(known)).toEqual([removed(room, 'eve'), banned(room, 'eve')]);
    });

    test('[D25] the removal of a user who is a member again is read no more; the user’s ban is', async () => {
      const [room, other] = [newRoom(), newRoom()];
      for (const one of [room, other]) await make(one, ['bob', 'eve']);
      const known = await newest();
      await setMember(other, 'bob', false);
      await setMember(room, 'bob', false);
      await setMember(room, 'eve', false);
      await ban(room);
      const last = await newest();
      await setMember(room, 'bob', true);
      expect(await lostAfter(known)).toEqual([removed(other), removed(room, 'eve'), banned(room)]);
      expect(await newest()).toBe(last);
    });

    test('[D25] the ban of a user who is banned no more is read no more; the user’s removal is', async () => {
      const room = newRoom();
      await make(room, ['bob', 'eve']);
      const known = await newest();
      await setMember(room, 'bob', false);
      await ban(room);
      await ban(room, { user: 'eve' });
      await get(store, 'unban', { room, user: 'bob' });
      expect(await lostAfter(known)).toEqual([removed(room), banned(room, 'eve')]);
    });

    test('[D25] a ban that is over is read no more', async () => {
      const room = newRoom();
      const known = await newest();
      const now = (await get(store, 'renew', { incarnation: 'a.1', node: 'a', mode: 'renew' })).at;
      await ban(room, { until: now - 1 });
      await ban(room, { user: 'eve', until: now + 60_000 });
      expect(await lostAfter(known)).toEqual([banned(room, 'eve')]);
    });

    test('[D25] a deletion stands for all that was lost in the room before, and stays when the room is made anew', async () => {
      const room = newRoom();
      await make(room, ['bob']);
      const known = await newest();
      await setMember(room, 'bob', false);
      await ban(room);
      await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 });
      expect(await lostAfter(known)).toEqual([deleted(room)]);
      expect(await make(room, ['bob'])).toBe(true);
      expect(await lostAfter(known)).toEqual([deleted(room)]);
      await setMember(room, 'bob', false);
      expect(await lostAfter(known)).toEqual([deleted(room), removed(room)]);
    });

    test('[D25] the store keeps removals for as long as a node may not have read them, and then drops so many at a time', async () => {
      await under.pass(REMOVAL_KEPT_MS);
      while ((await get(store, 'pruneRevocations', { limit: 1_000 })) > 0);
      const known = await newest();
      const rooms = Array.from({ length: 3 }, () => newRoom());
      for (const room of rooms) await ban(room);
      await under.pass(REMOVAL_KEPT_MS - 60_000);
      expect(await get(store, 'pruneRevocations', { limit: 2 })).toBe(0);
      expect(await lostAfter(known)).toEqual(rooms.map((room) => banned(room)));
      await under.pass(60_001);
      const young = newRoom();
      await ban(young);
      const prune = () => get(store, 'pruneRevocations', { limit: 2 });
      expect([await prune(), await prune(), await prune()]).toEqual([2, 1, 0]);
      expect(await lostAfter(known)).toEqual([banned(young)]);
    });
  });
}
