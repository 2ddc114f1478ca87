import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import type { AgeingStore } from './log-store-keeping.contract.ts';
import { append, claim, entry, get, newRoom } from './log-store.contract.ts';

const MARGIN_MS = 8_000;
const BACK_MAX_MS = 60_000;

/** What a log store promises about leases (D11), and about the newest entries (D13). */
export function logStoreLeasesContract(name: string, open: () => Promise<AgeingStore>): void {
  describe(`log store contract, leases: ${name}`, () => {
    let under: AgeingStore;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    const renew = (incarnation: string, mode: 'take' | 'renew' = 'renew') =>
      get(store, 'renew', { incarnation, node: incarnation.split('.')[0] ?? '', mode });
    const end = (incarnation: string, beats: number | null = null) =>
      get(store, 'endLeases', { leases: [{ incarnation, beats }] });

    test('[D11] a lease that was not taken cannot be renewed, and renewing makes none', async () => {
      expect(await renew('a.1')).toMatchObject({ isHeld: false, leases: [], isInRecovery: false });
      expect(await renew('a.1')).toMatchObject({ isHeld: false });
      expect((await renew('b.1')).leases).toEqual([]);
    });

    test('[D11] each renewal adds a beat, which all other processes see', async () => {
      expect(await renew('a.1', 'take')).toMatchObject({ isHeld: true, leases: [] });
      const seen = async () => (await renew('b.1', 'take')).leases;
      expect(await seen()).toEqual([
        { incarnation: 'a.1', node: 'a', beats: 0, isDead: false, takesHomes: false, isHeard: true },
      ]);
      for (let n = 0; n < 3; n++) expect(await renew('a.1')).toMatchObject({ isHeld: true });
      expect(await seen()).toMatchObject([{ beats: 3 }]);
      // Taking a lease again renews it.
      await renew('a.1', 'take');
      expect(await seen()).toMatchObject([{ incarnation: 'a.1', beats: 4 }]);
      expect((await renew('a.1')).leases).toMatchObject([{ incarnation: 'b.1', node: 'b' }]);
      await renew('A.1', 'take');
      expect((await seen()).map(({ incarnation }) => incarnation)).toEqual(['A.1', 'a.1']);
    });

    test('[D11] leases end by name, or only if they have not been renewed since', async () => {
      await renew('c.1', 'take');
      await renew('c.2', 'take');
      await renew('c.2');
      await end('c.1', 7);
      await end('c.2', 0);
      const c = async () =>
        (await renew('d.1', 'take')).leases
          .map(({ incarnation, beats }) => `${incarnation} ${beats}`)
          .filter((lease) => lease.startsWith('c'));
      expect(await c()).toEqual(['c.1 0', 'c.2 1']);
      await end('c.1', 0);
      await end('c.2');
      await end('c.3');
      expect(await c()).toEqual([]);
      expect(await renew('c.1')).toMatchObject({ isHeld: false });
      expect(await renew('c.1', 'take')).toMatchObject({ isHeld: true });
    });

    test('[D11] a lease says whether its process takes homes, and is heard: as of its last renewal', async () => {
      const says = async (
        fields: { takesHomes?: boolean; isHeard?: boolean },
        mode: 'take' | 'renew' = 'renew',
      ) => {
        await get(store, 'renew', { incarnation: 'f.1', node: 'f', mode, ...fields });
        const seen = (await renew('g.1', 'take')).leases.find(({ incarnation }) => incarnation === 'f.1');
        return [seen?.takesHomes, seen?.isHeard];
      };
      expect(await says({ takesHomes: true, isHeard: false }, 'take')).toEqual([true, false]);
      expect(await says({ takesHomes: true, isHeard: true })).toEqual([true, true]);
      expect(await says({ takesHomes: false, isHeard: false })).toEqual([false, false]);
      expect(await says({ takesHomes: true })).toEqual([true, true]);
      expect(await says({})).toEqual([false, true]);
      expect(await says({ takesHomes: true, isHeard: false }, 'take')).toEqual([true, false]);
    });

    test('[D11] a process is declared dead only if it has not been renewed since, and stays dead', async () => {
      for (const incarnation of ['h.1', 'h.2', 'h.3']) await renew(incarnation, 'take');
      await renew('h.2');
      const declare = (...leases: [string, number][]) =>
        get(store, 'declareDead', { leases: leases.map(([incarnation, beats]) => ({ incarnation, beats })) });
      const dead = async () =>
        (await renew('i.1', 'take')).leases
          .filter(({ incarnation, isDead }) => isDead && incarnation.startsWith('h'))
          .map(({ incarnation, beats }) => `${incarnation} ${beats}`);
      await declare();
      await declare(['h.3', 1], ['h.2', 0], ['h.9', 0]);
      expect(await dead()).toEqual([]);
      expect(await renew('h.3')).toMatchObject({ isHeld: true });
      await declare(['h.3', 0], ['h.2', 1], ['h.1', 0]);
      expect(await dead()).toEqual(['h.1 0', 'h.2 1']);
      for (const mode of ['renew', 'take', 'renew'] as const)
        expect(await renew('h.1', mode)).toMatchObject({ isHeld: false });
      await declare(['h.1', 0]);
      expect(await dead()).toEqual(['h.1 0', 'h.2 1']);
    });

    test('[D21] a renewal says which history the database is on, and its time', async () => {
      const before = Date.now();
      const { timeline, at } = await renew('e.1', 'take');
      expect(timeline).toMatch(/^[0-9A-F]{8}$/);
      // Here both have one clock. Between machines this time is only compared with other times of the database.
      expect(Math.abs(at - before)).toBeLessThan(5_000);
      expect((await renew('e.1')).timeline).toBe(timeline);
    });

    describe('[D13] the channels that moved', () => {
      const moved = (since: number | null, marginMs = MARGIN_MS) =>
        get(store, 'moved', { since, marginMs, backMaxMs: BACK_MAX_MS });
      const put = async (channel: Channel, ids: readonly string[], ageMs = 0): Promise<void> => {
        const { epoch } = await claim(store, channel, 'a');
        const entries = ids.map((id) => entry(id));
        const run = () => append(store, channel, 'a', epoch, entries);
        await (ageMs > 0 ? under.earlier(ageMs, channel, run) : run());
      };
      const room = (): Channel => `room:${newRoom()}`;
      const headsOf = async (
        reply: Promise<StoreCalls['moved']['reply']>,
        channels: readonly Channel[],
      ): Promise<(number | undefined)[]> => {
        const { heads } = await reply;
        return channels.map((channel) => heads?.get(channel));
      };

      test('`since` now means: within the margin', async () => {
        const [late, old, both, none] = [room(), room(), room(), room()];
        await put(late, ['1', '2']);
        await put(old, ['1'], MARGIN_MS + 5_000);
        await put(both, ['1', '2'], MARGIN_MS + 5_000);
        await put(both, ['3']);
        await claim(store, none, 'a');
        expect(await headsOf(moved(null), [late, old, both, none])).toEqual([2, undefined, 3, undefined]);
      });

      test('a time of the database as `since` means: from the margin before it', async () => {
        const [within, before] = [room(), room()];
        await put(within, ['1'], 20_000);
        await put(before, ['1'], 45_000);
        const { at } = await moved(null);
        expect(await headsOf(moved(at - 20_000), [within, before])).toEqual([1, undefined]);
        expect(await headsOf(moved(at - 50_000), [within, before])).toEqual([1, 1]);
        expect(await headsOf(moved(at - 20_000, 30_000), [within, before])).toEqual([1, 1]);
      });

      test('each answer has the `since` of the next question', async () => {
        const channel = room();
        const early = room();
        await put(early, ['1'], 20_000);
        const { at } = await moved(null);
        await put(channel, ['1']);
        const next = await moved(at, 1_000);
        expect([early, channel].map((one) => next.heads?.get(one))).toEqual([undefined, 1]);
        expect(next.at).toBeGreaterThanOrEqual(at);
        expect(await headsOf(moved(next.at, 30_000), [early, channel])).toEqual([1, 1]);
      });

      test('a future time counts as now: a clock may have been set back', async () => {
        const channel = room();
        await put(channel, ['1']);
        const { at } = await moved(null);
        expect(await headsOf(moved(at + 3_600_000), [channel])).toEqual([1]);
      });

      test('the store does not search when `since` is too long ago', async () => {
        const { at } = await moved(null);
        expect(await moved(at - BACK_MAX_MS - 5_000)).toMatchObject({ heads: null, at: expect.any(Number) });
      });
    });
  });
}
