import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelKind } from '../../src/protocol/channels.ts';
import type { EntryOutcome, LogStore, Reader, StoreCalls } from '../../src/runtime/ports/log-store.ts';
import { append, claim, entry, get, newRoom, readAll, type StoreUnderTest } from './log-store.contract.ts';

/** A store that can make entries old without waiting. */
export interface AgeingStore extends StoreUnderTest {
  /** Appends as if it were so much earlier by the database's clock. */
  earlier(
    ms: number,
    channel: Channel,
    run: () => Promise<readonly EntryOutcome[]>,
  ): Promise<readonly EntryOutcome[]>;
}

const HOUR_MS = 3_600_000;

/** What a log store promises about the list of rooms (RQ11) and about retention (LM10). */
export function logStoreKeepingContract(name: string, open: () => Promise<AgeingStore>): void {
  describe(`log store contract, listing and keeping: ${name}`, () => {
    let under: AgeingStore;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    test('[RS5] a discard removes the entries up to a seq and frees their ids; the seqs go on', async () => {
      const channel: Channel = `user:svc:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      await append(store, channel, 'a', epoch, [entry('1'), entry('2'), entry('3')]);
      await get(store, 'discard', { channel, upTo: 2 });
      expect((await readAll(store, channel)).map(({ id, seq }) => [id, seq])).toEqual([['3', 3]]);
      expect(await append(store, channel, 'a', epoch, [entry('1')])).toMatchObject([
        { type: 'stored', seq: 4 },
      ]);
      await get(store, 'discard', { channel, upTo: 100 });
      expect(await readAll(store, channel)).toEqual([]);
      expect((await get(store, 'heads', { channels: [channel] })).get(channel)).toBe(4);
      await get(store, 'discard', { channel: `user:svc:${newRoom()}`, upTo: 100 });
    });

    describe('[RQ11] the list of rooms', () => {
      const alice: Reader = { user: 'alice', isAdmin: false };
      const carol: Reader = { user: 'carol', isAdmin: false };
      const admin: Reader = { user: 'root', isAdmin: true };
      const make = async (room: string, fields: object = {}): Promise<void> => {
        const request = { room, access: 'private', metadata: '{}', creator: 'alice', members: [] } as const;
        expect(await get(store, 'createRoom', { ...request, ...fields })).toBe(true);
      };
      const list = (reader: Reader, after: string | null, limit = 100) =>
        get(store, 'listRooms', { reader, after, limit });
      const names = async (reader: Reader, after: string | null, limit?: number): Promise<string[]> =>
        (await list(reader, after, limit)).rooms.map(({ room }) => room);

      test('shows public rooms and the reader’s own, and all rooms to an admin', async () => {
        await make('a-1', { access: 'public', metadata: '{"title":"one"}' });
        await make('a-2');
        await make('a-3', { creator: 'bob', metadata: '{"title":"three"}' });
        await get(store, 'setMember', { room: 'a-3', user: 'carol', isMember: true });
        await make('a-4', { creator: 'bob' });
        const one = { room: 'a-1', access: 'public', metadata: '{"title":"one"}' };
        const three = { room: 'a-3', access: 'private', metadata: '{"title":"three"}' };
        expect(await list(carol, null)).toEqual({ rooms: [one, three], more: false });
        // A public room of the reader's own is in it once.
        expect(await names(alice, null)).toEqual(['a-1', 'a-2']);
        expect(await names({ user: 'nobody', isAdmin: false }, null)).toEqual(['a-1']);
        expect(await names(admin, null)).toEqual(['a-1', 'a-2', 'a-3', 'a-4']);
      });

      test('follows the memberships', async () => {
        await make('b-1');
        expect(await names(carol, 'b-')).toEqual([]);
        await get(store, 'setMember', { room: 'b-1', user: 'carol', isMember: true });
        expect(await names(carol, 'b-')).toEqual(['b-1']);
        await get(store, 'setMember', { room: 'b-1', user: 'carol', isMember: false });
        expect(await names(carol, 'b-')).toEqual([]);
      });

      test('shows no room that is deleted or that has no record', async () => {
        for (const [room, access] of [
          ['c-1', 'public'],
          ['c-2', 'private'],
        ] as const) {
          await make(room, { access });
          expect(await names(alice, 'c-')).toEqual([room]);
          expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 })).not.toBe(null);
          // A member who comes too late does not bring it back.
          await get(store, 'setMember', { room, user: 'alice', isMember: true });
        }
        await get(store, 'setMember', { room: 'c-3', user: 'alice', isMember: true });
        expect(await names(alice, 'c-')).toEqual([]);
        expect(await names(admin, 'c-')).toEqual([]);
        await make('c-1');
        expect(await names(alice, 'c-')).toEqual(['c-1']);
        expect(await names(carol, 'c-')).toEqual([]);
      });

      test('[FR7] shows rooms made by their first message', async () => {
        const channel = 'room:d-1';
        const { epoch } = await claim(store, channel, 'a');
        const appends = [{ channel, epoch, createsRoom: true, entry: entry('1') }] as const;
        await get(store, 'append', { owner: 'a', appends });
        const room = { room: 'd-1', access: 'public', metadata: '{}' };
        expect(await list(carol, 'd-')).toEqual({ rooms: [room], more: false });
      });

      test('goes by the bytes of the ids, behind an id, page by page', async () => {
        const rooms = ['e-', 'e-10', 'e-9', 'e-A', 'e-B', 'e-_', 'e-a', 'e-b'];
        for (const [at, room] of rooms.toReversed().entries())
          await make(room, { access: at % 2 ? 'public' : 'private' });
        expect(await names(alice, 'e')).toEqual(rooms);
        expect(await names(alice, 'e-9')).toEqual(rooms.slice(3));
        expect(await names(alice, 'e-99')).toEqual(rooms.slice(3));
        expect(await names(alice, 'e-b')).toEqual([]);
        for (const reader of [alice, admin]) {
          const pages: string[][] = [];
          for (let after: string | null = 'e'; after !== null;) {
            const page: StoreCalls['listRooms']['reply'] = await list(reader, after, 3);
            pages.push(page.rooms.map(({ room }) => room));
            after = page.more ? (page.rooms.at(-1)?.room ?? null) : null;
          }
          expect(pages).toEqual([rooms.slice(0, 3), rooms.slice(3, 6), rooms.slice(6)]);
        }
        expect(await list(alice, 'e', rooms.length)).toMatchObject({ more: false });
        expect(await list(alice, 'e', rooms.length - 1)).toMatchObject({ more: true });
      });

      test('shows invitations, if the request wants them, until the reader joins the room', async () => {
        await make('f-1', { members: ['carol'] });
        await make('f-2', { access: 'public', members: ['carol'] });
        const asked = (reader: Reader) =>
          get(store, 'listRooms', { reader, after: 'f-', limit: 100, invited: true });
        expect(await names(carol, 'f-')).toEqual(['f-2']);
        const open = { room: 'f-2', access: 'public', metadata: '{}' };
        const invited = { room: 'f-1', access: 'private', metadata: '{}' };
        expect((await asked(carol)).rooms).toEqual([{ ...invited, isInvited: true }, open]);
        expect((await asked(alice)).rooms).toEqual([invited, open]);
        const pairs = [
          { room: 'f-1', user: 'carol' },
          { room: 'f-1', user: 'alice' },
          { room: 'f-1', user: 'eve' },
        ];
        expect(await get(store, 'membership', { pairs })).toEqual(['invited', true, false]);
        await get(store, 'acceptInvitation', { room: 'f-1', user: 'carol' });
        await get(store, 'acceptInvitation', { room: 'f-1', user: 'eve' });
        expect(await get(store, 'membership', { pairs })).toEqual([true, true, false]);
        expect(await names(carol, 'f-')).toEqual(['f-1', 'f-2']);
        expect((await asked(carol)).rooms).toEqual([invited, open]);
      });

      test('[JW7] shows no room that bans the reader, and no page of it', async () => {
        await make('g-1', { access: 'public' });
        await make('g-2', { members: ['carol'] });
        await get(store, 'setMember', { room: 'g-2', user: 'carol', isMember: true });
        const page = async (room: string, reader: Reader): Promise<string> =>
          (
            await get(store, 'page', {
              channel: `room:${room}`,
              start: 'newest',
              limit: 1,
              bytesMax: 1_000,
              reader,
            })
          ).grant;
        const rest = async (room: string): Promise<number> =>
          (await get(store, 'banned', { pairs: [{ room, user: 'carol' }] }))[0] ?? -1;
        const hasBans = async (room: string): Promise<boolean | undefined> =>
          (await get(store, 'rooms', { rooms: [room] })).records.get(room)?.hasBans;
        expect([await rest('g-1'), await hasBans('g-1')]).toEqual([0, undefined]);
        for (const room of ['g-1', 'g-2']) {
          await get(store, 'ban', { room, user: 'carol', until: null, createsRoom: false });
          expect([await rest(room), await hasBans(room)]).toEqual([Infinity, true]);
          expect(await page(room, carol)).toBe('banned');
          expect(await page(room, { ...carol, isAdmin: true })).toBe('granted');
        }
        expect(await names(carol, 'g-')).toEqual([]);
        expect(await names(alice, 'g-')).toEqual(['g-1', 'g-2']);
        await get(store, 'unban', { room: 'g-1', user: 'carol' });
        expect(await page('g-1', carol)).toBe('granted');
        expect(await names(carol, 'g-')).toEqual(['g-1']);
        // A ban creates a missing record only if the request says so. A new room has no bans of the old.
        await get(store, 'ban', { room: 'g-3', user: 'carol', until: null, createsRoom: false });
        expect(await names(alice, 'g-')).toEqual(['g-1', 'g-2']);
        await get(store, 'ban', { room: 'g-3', user: 'carol', until: null, createsRoom: true });
        expect(await names(alice, 'g-')).toEqual(['g-1', 'g-2', 'g-3']);
        await get(store, 'deleteRoom', { room: 'g-3', owner: 'a', epoch: 0 });
        await make('g-3', { access: 'public' });
        expect([await rest('g-3'), await hasBans('g-3')]).toEqual([0, undefined]);
      });

      test('[JW7] a ban that has ended has no effect', async () => {
        await make('h-1', { access: 'public' });
        await get(store, 'ban', { room: 'h-1', user: 'carol', until: 1, createsRoom: false });
        expect(await names(carol, 'h-')).toEqual(['h-1']);
        expect(await get(store, 'banned', { pairs: [{ room: 'h-1', user: 'carol' }] })).toEqual([0]);
        const until = Date.UTC(9_999, 0);
        await get(store, 'ban', { room: 'h-1', user: 'carol', until, createsRoom: false });
        const [restMs = 0] = await get(store, 'banned', { pairs: [{ room: 'h-1', user: 'carol' }] });
        expect(restMs).toBeGreaterThan(1e12);
        expect(restMs).toBeLessThan(until);
        expect(await names(carol, 'h-')).toEqual([]);
      });
    });

    describe('[LM10] retention', () => {
      const prune = (kind: ChannelKind, fields: Partial<StoreCalls['prune']['request']> = {}) =>
        get(store, 'prune', { kind, keepMs: HOUR_MS, after: null, channels: 512, entries: 5_000, ...fields });
      const keep = async (channel: Channel, ids: readonly string[], ageMs = 0): Promise<number> => {
        const { epoch } = await claim(store, channel, 'a');
        const run = () =>
          append(
            store,
            channel,
            'a',
            epoch,
            ids.map((id) => entry(id)),
          );
        const outcomes = await (ageMs > 0 ? under.earlier(ageMs, channel, run) : run());
        expect(outcomes.every(({ type }) => type === 'stored')).toBe(true);
        return epoch;
      };
      const ids = async (channel: Channel): Promise<string[]> =>
        (await readAll(store, channel)).map(({ id }) => id);
      const count = (length: number): string[] => Array.from({ length }, (_, at) => `${at + 1}`);

      beforeEach(async () => {
        for (const kind of ['broadcast', 'user', 'room'] as const) await prune(kind, { keepMs: 0 });
      });

      test('removes no entry that is young enough', async () => {
        const channel: Channel = `room:${newRoom()}`;
        await keep(channel, ['1', '2']);
        await keep(channel, ['3'], HOUR_MS / 2);
        expect(await prune('room')).toEqual({ removed: 0, next: null });
        expect(await ids(channel)).toEqual(['1', '2', '3']);
      });

      test('removes older entries, and none from the first younger one on: a log never has a hole', async () => {
        const channel: Channel = `room:${newRoom()}`;
        await keep(channel, ['1', '2'], 3 * HOUR_MS);
        await keep(channel, ['3', '4'], 2 * HOUR_MS);
        await keep(channel, ['5']);
        // The database's clock was set back.
        await keep(channel, ['6'], 2 * HOUR_MS);
        expect(await prune('room', { keepMs: 2.5 * HOUR_MS })).toEqual({ removed: 2, next: null });
        expect((await readAll(store, channel)).map(({ seq, id }) => [seq, id])).toEqual([
          [3, '3'],
          [4, '4'],
          [5, '5'],
          [6, '6'],
        ]);
        expect(await prune('room')).toEqual({ removed: 2, next: null });
        expect(await prune('room')).toEqual({ removed: 0, next: null });
        expect(await ids(channel)).toEqual(['5', '6']);
        expect(await prune('room', { keepMs: 0 })).toEqual({ removed: 2, next: null });
        expect(await ids(channel)).toEqual([]);
      });

      test('is for one kind of channel', async () => {
        const all = { broadcast: 'broadcast', user: `user:${newRoom()}`, room: `room:${newRoom()}` } as const;
        for (const channel of Object.values(all)) await keep(channel, ['1'], 2 * HOUR_MS);
        const left = async () => (await Promise.all(Object.values(all).map(ids))).map(({ length }) => length);
        expect(await prune('broadcast')).toEqual({ removed: 1, next: null });
        expect(await left()).toEqual([0, 1, 1]);
        expect(await prune('user')).toEqual({ removed: 1, next: null });
        expect(await left()).toEqual([0, 0, 1]);
        expect(await prune('room')).toEqual({ removed: 1, next: null });
        expect(await left()).toEqual([0, 0, 0]);
      });

      test('leaves head, epoch and the numbers to come; a message and its id go together', async () => {
        const channel: Channel = `room:${newRoom()}`;
        await keep(channel, ['x', 'y'], 2 * HOUR_MS);
        const epoch = await keep(channel, ['z']);
        expect(await prune('room')).toEqual({ removed: 2, next: null });
        expect((await get(store, 'heads', { channels: [channel] })).get(channel)).toBe(3);
        // A page that ends early says that the missing entries were removed.
        const page = { channel, start: { after: 0, upTo: 2 }, limit: 9, bytesMax: 9_999, reader: null };
        expect(await get(store, 'page', page)).toMatchObject({ entries: [], first: 3 });
        const keys = ['x', 'z'].map((id) => ({ sender: 'alice', id }));
        expect(await get(store, 'lookup', { channel, keys })).toMatchObject([null, { seq: 3 }]);
        const again = await append(store, channel, 'a', epoch, [entry('x'), entry('z'), entry('x')]);
        expect(again).toMatchObject([
          { type: 'stored', seq: 4 },
          { type: 'duplicate', seq: 3 },
          { type: 'duplicate', seq: 4 },
        ]);
        await prune('room', { keepMs: 0 });
        expect(await claim(store, channel, 'b')).toEqual({ epoch: epoch + 1, head: 4 });
      });

      test('pages show the rest', async () => {
        const channel: Channel = `room:${newRoom()}`;
        await keep(channel, count(10), 2 * HOUR_MS);
        await keep(channel, ['11', '12']);
        await prune('room', { entries: 8 });
        const request = { channel, limit: 3, bytesMax: 10_000, reader: null };
        const seqs = async (start: StoreCalls['page']['request']['start']) => {
          const { entries, more } = await get(store, 'page', { ...request, start });
          return [entries.map(({ seq }) => seq), more];
        };
        expect(await seqs({ after: 2 })).toEqual([[9, 10, 11], true]);
        expect(await seqs({ before: 11 })).toEqual([[9, 10], false]);
        expect(await seqs('newest')).toEqual([[10, 11, 12], true]);
      });

      test('removes no more at once than the limit, and continues from there', async () => {
        const two = 'room:p-2';
        const all = ['room:p-1', two, 'room:p-3'] as const;
        for (const channel of all) await keep(channel, count(5), 2 * HOUR_MS);
        await keep(two, ['6']);
        const left: number[][] = [];
        let removed = 0;
        for (let after: string | null = null, rounds = 0; rounds === 0 || after !== null; rounds++) {
          expect(rounds).toBeLessThan(10);
          const round: StoreCalls['prune']['reply'] = await prune('room', { entries: 3, after });
          expect(round.removed).toBeLessThanOrEqual(3);
          // A step before the last always removes something.
          if (round.next !== null) expect(round.removed).toBeGreaterThan(0);
          removed += round.removed;
          after = round.next;
          const rest = await Promise.all(all.map(ids));
          left.push(rest.map(({ length }) => length));
          for (const [at, found] of rest.entries()) {
            const size = all[at] === two ? 6 : 5;
            expect(found).toEqual(count(size).slice(size - found.length));
          }
        }
        expect(removed).toBe(15);
        expect(left.slice(0, 5)).toEqual([
          [2, 6, 5],
          [0, 5, 5],
          [0, 2, 5],
          [0, 1, 3],
          [0, 1, 0],
        ]);
      });

      test('looks at no more channels at once than the limit, in the order of their names', async () => {
        const channels = ['z-1', 'z-10', 'z-2', 'z-a', 'z-ä', 'z-\uFF01', 'z-\u{1F600}'].map(
          (user): Channel => `user:${user}`,
        );
        for (const channel of channels.toReversed()) await keep(channel, ['1'], 2 * HOUR_MS);
        // It has no old entries, and counts all the same.
        await keep('user:z-11', ['1']);
        const walked: string[][] = [];
        for (let after: string | null = 'user:z-'; after !== null;) {
          const before = new Set(channels.filter((_, at) => at >= walked.flat().length));
          const round: StoreCalls['prune']['reply'] = await prune('user', { after, channels: 3 });
          const rest = await Promise.all([...before].map(ids));
          walked.push([...before].filter((_, at) => rest[at]?.length === 0));
          expect(round.removed).toBe(walked.at(-1)?.length);
          after = round.next;
        }
        expect(walked).toEqual([channels.slice(0, 2), channels.slice(2, 5), channels.slice(5)]);
        expect(await ids('user:z-11')).toEqual(['1']);
      });

      test('continues behind a channel, also one that does not exist', async () => {
        for (const room of ['q-1', 'q-3']) await keep(`room:${room}`, ['1'], 2 * HOUR_MS);
        expect(await prune('room', { after: 'room:q-3' })).toEqual({ removed: 0, next: null });
        expect(await prune('room', { after: 'room:q-2' })).toEqual({ removed: 1, next: null });
        expect(await ids('room:q-1')).toEqual(['1']);
      });

      test('many steps at once remove everything once, and leave no hole', async () => {
        const channels = count(8).map((n): Channel => `room:r-${n}`);
        for (const channel of channels) {
          await keep(channel, count(40), 2 * HOUR_MS);
          await keep(channel, ['41']);
        }
        const walk = async (entries: number): Promise<number> => {
          let removed = 0;
          for (let after: string | null = 'room:r-'; after !== null;) {
            const round: StoreCalls['prune']['reply'] = await prune('room', { after, entries });
            removed += round.removed;
            after = round.next;
            const seqs = (await readAll(store, channels[0] as Channel)).map(({ seq }) => seq);
            expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, at) => 42 - seqs.length + at));
          }
          return removed;
        };
        const removed = await Promise.all([7, 16, 25, 300].map(walk));
        // A step skips logs that another one has locked. The next step removes their entries.
        removed.push(await walk(5_000));
        expect(removed.reduce((sum, each) => sum + each)).toBe(320);
        for (const channel of channels) expect(await ids(channel)).toEqual(['41']);
      });
    });
  });
}
