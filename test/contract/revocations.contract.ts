import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionKey } from '../../src/protocol/revocation.ts';
import type { LogStore, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import type { SessionFinding } from '../../src/runtime/ports/revocations.ts';
import { get, newRoom, type StoreUnderTest } from './log-store.contract.ts';

/** What a log store promises about revoked sessions (JW5). */
export function revocationsContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`log store contract, revocations: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    const newName = newRoom;
    const revoke = (request: Partial<StoreCalls['revoke']['request']>): Promise<{ readonly at: number }> =>
      get(store, 'revoke', { user: null, session: null, before: null, keepMs: 60_000, ...request });
    const find = (keys: readonly Partial<SessionKey>[]): Promise<readonly SessionFinding[]> => {
      const nothing = { user: 'nobody', session: undefined, issuedAt: undefined, openedAt: undefined };
      return get(store, 'revoked', { sessions: keys.map((key) => ({ ...nothing, ...key })) });
    };
    const standings = async (keys: readonly Partial<SessionKey>[]): Promise<string[]> =>
      (await find(keys)).map(({ standing }) => standing);

    /** The newest number, as a renewal shows it. */
    const newest = async (mode: 'take' | 'renew' = 'renew'): Promise<number> =>
      (await get(store, 'renew', { incarnation: 'a.1', node: 'a', mode })).losses;
    const after = (number: number, limit = 100) => get(store, 'revokedAfter', { number, limit });

    test('[D25] a new database has no changes of rights, and their newest number is 0', async () => {
      expect([await newest(), await after(0)]).toEqual([0, []]);
    });

    test('[JW5] the times of a revocation and of a lookup are the database’s', async () => {
      const [first] = await find([{}]);
      const { at } = await revoke({ user: newName() });
      const [last] = await find([{}]);
      expect(first?.at).toBeLessThanOrEqual(at);
      expect(last?.at).toBeGreaterThanOrEqual(at);
      expect([first?.at, at].every(Number.isSafeInteger)).toBe(true);
    });

    test('[JW5] a revoked session is ended whatever its iat; other sessions of its user are not', async () => {
      const user = newName();
      const { at } = await revoke({ session: `${user}-s1` });
      const later = at / 1_000 + 500;
      const keys = [
        { user, session: `${user}-s1`, issuedAt: later },
        { user, session: `${user}-s1` },
        { user, session: `${user}-s2`, issuedAt: later - 1_000 },
        { user },
      ];
      expect(await standings(keys)).toEqual(['ended', 'ended', 'good', 'good']);
    });

    test('[JW5] a user’s tokens are ended, undecided or good by their iat, five seconds around the revocation', async () => {
      const user = newName();
      const { at } = await revoke({ user });
      const issued = (ms: number): Partial<SessionKey> => ({
        user,
        session: 'x',
        issuedAt: (at + ms) / 1_000,
      });
      const keys = [-86_400_000, -5_001, -4_999, 0, 4_999, 5_001, 86_400_000].map(issued);
      expect(await standings([...keys, { user }, { user: `${user}-other`, issuedAt: 0 }])).toEqual([
        'ended',
        'ended',
        'undecided',
        'undecided',
        'undecided',
        'good',
        'good',
        'ended',
        'good',
      ]);
    });

    test('[JW5] an undecided session may try again when a new token is clearly newer', async () => {
      const user = newName();
      const { at } = await revoke({ user });
      const [found] = await find([{ user, issuedAt: at / 1_000 }]);
      expect(found?.retryAfterMs).toBe(at + 6_000 - (found?.at ?? 0));
      const [good, ended] = await find([{ user: `${user}-x` }, { user }]);
      expect([good?.retryAfterMs, ended?.retryAfterMs]).toEqual([0, 0]);
    });

    test('[JW5] with a cut by the issuer’s clock exactly the tokens issued earlier are ended', async () => {
      const user = newName();
      const before = 1_700_000_000;
      await revoke({ user, before, keepMs: 1e12 });
      const keys = [-1, -0.001, 0, 0.001, 1].map((s) => ({ user, issuedAt: before + s }));
      expect(await standings([...keys, { user }])).toEqual([
        'ended',
        'ended',
        'good',
        'good',
        'good',
        'ended',
      ]);
    });

    test('[JW5] a connection opened before the revocation is ended whatever its iat, with a cut too', async () => {
      for (const before of [null, 1_000]) {
        const user = newName();
        const { at } = await revoke({ user, before });
        const opened = (ms: number): Partial<SessionKey> => ({
          user,
          issuedAt: at / 1_000 + 3_600,
          openedAt: at + ms,
        });
        expect(await standings([-3_600_000, -1, 0, 1].map(opened))).toEqual([
          'ended',
          'ended',
          'ended',
          'good',
        ]);
      }
    });

    test('[JW5] of several revocations the strictest counts, and the newest says how long to wait', async () => {
      const user = newName();
      const first = await revoke({ user });
      const second = await revoke({ user });
      const [found] = await find([{ user, issuedAt: first.at / 1_000 }]);
      expect(found).toMatchObject({ standing: 'undecided', retryAfterMs: second.at + 6_000 - found!.at });
      await revoke({ user, before: second.at / 1_000 + 100 });
      expect(await standings([{ user, issuedAt: first.at / 1_000 }])).toEqual(['ended']);
    });

    test('[JW5] after an undone revocation its sessions are good again, tokens without iat too; others are not', async () => {
      const user = newName();
      await revoke({ user });
      await revoke({ user, before: 5 });
      await revoke({ session: `${user}-s` });
      const keys = [{ user }, { user, issuedAt: 1 }, { user, session: `${user}-s` }];
      expect(await get(store, 'unrevoke', { user, session: null })).toBe(true);
      expect(await standings(keys)).toEqual(['good', 'good', 'ended']);
      expect(await get(store, 'unrevoke', { user, session: null })).toBe(false);
      expect(await get(store, 'unrevoke', { user: null, session: `${user}-s` })).toBe(true);
      expect(await standings(keys)).toEqual(['good', 'good', 'good']);
    });

    test('[JW5] the store forgets a revocation when no token that it refuses can live, unless it holds it', async () => {
      const [over, held, lasting] = [newName(), newName(), newName()];
      await revoke({ user: over, keepMs: 0 });
      await revoke({ user: held, keepMs: 86_400_000 });
      await revoke({ user: lasting, keepMs: null });
      await get(store, 'holdRevocations', { user: held, session: null });
      // Holding does not revive a revocation that is over.
      await get(store, 'holdRevocations', { user: over, session: null });
      const keys = [{ user: over }, { user: held }, { user: lasting }];
      expect(await standings(keys)).toEqual(['good', 'ended', 'ended']);
      expect(await get(store, 'unrevoke', { user: over, session: null })).toBe(false);
    });

    test('[JW5] forgotten revocations are removed, so many at a time', async () => {
      while ((await get(store, 'pruneRevocations', { limit: 1_000 })) > 0);
      const user = newName();
      for (let n = 0; n < 5; n++) await revoke({ user, keepMs: 0 });
      await revoke({ user });
      // PostgreSQL rounds their end to a millisecond, and so up to half of one into the future.
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await get(store, 'pruneRevocations', { limit: 3 })).toBe(3);
      expect(await get(store, 'pruneRevocations', { limit: 3 })).toBe(2);
      expect(await get(store, 'pruneRevocations', { limit: 3 })).toBe(0);
      expect(await standings([{ user }])).toEqual(['ended']);
    });

    describe('[D25] the numbers of revocations', () => {
      test('rise, are at least the time, and are shown by each renewal', async () => {
        const numbers = [await newest()];
        for (const mode of ['take', 'renew', 'take', 'renew'] as const) {
          expect(await newest(mode)).toBe(numbers.at(-1));
          const { at } = await revoke({ user: newName() });
          numbers.push(await newest(mode));
          expect(numbers.at(-1)).toBeGreaterThanOrEqual(at);
        }
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      });

      test('lead to the newer ones as they were made', async () => {
        const known = await newest();
        const [user, session] = [newName(), `${newName()}-s`];
        const first = await revoke({ user });
        const second = await revoke({ session });
        const third = await revoke({ user, before: 1_700_000_000.25, keepMs: null });
        const number = expect.any(Number) as number;
        const newer = await after(known);
        expect(newer).toEqual([
          { kind: 'revocation', number, user, session: null, before: null, at: first.at },
          { kind: 'revocation', number, user: null, session, before: null, at: second.at },
          { kind: 'revocation', number, user, session: null, before: 1_700_000_000.25, at: third.at },
        ]);
        expect(newer.at(-1)?.number).toBe(await newest());
        expect(await after(await newest())).toEqual([]);
      });

      test('lead through the newer ones page by page', async () => {
        const known = await newest();
        for (let n = 0; n < 5; n++) await revoke({ user: newName() });
        const all = (await after(known)).map(({ number }) => number);
        const pages: number[][] = [];
        for (const from of [known, all[1], all[3], all[4]])
          pages.push((await after(from ?? 0, 2)).map(({ number }) => number));
        expect(pages).toEqual([all.slice(0, 2), all.slice(2, 4), all.slice(4), []]);
      });

      test('of those that are undone or over are read no more, and are not given again', async () => {
        const known = await newest();
        const [undone, kept] = [newName(), newName()];
        const usersAfter = async (): Promise<unknown[]> => (await after(known)).map(({ user }) => user);
        await revoke({ user: undone });
        await revoke({ user: kept });
        await revoke({ user: newName(), keepMs: 0 });
        await revoke({ user: undone });
        await get(store, 'unrevoke', { user: undone, session: null });
        // PostgreSQL rounds their end to a millisecond, and so up to half of one into the future.
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(await usersAfter()).toEqual([kept]);
        const last = await newest();
        await get(store, 'pruneRevocations', { limit: 1_000 });
        expect(await newest()).toBe(last);
        await revoke({ user: undone });
        expect(await usersAfter()).toEqual([kept, undone]);
        expect(await newest()).toBeGreaterThan(last);
      });
    });

    test('[JW5] a revocation with a cut in the future lives that much longer', async () => {
      const user = newName();
      const now = Date.now() / 1_000;
      await revoke({ user, before: now + 3_600, keepMs: 1 });
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await standings([{ user, issuedAt: now + 3_000 }])).toEqual(['ended']);
    });
  });
}
