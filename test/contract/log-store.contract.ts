import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOG_NAME } from '../../src/protocol/log-name.ts';
import type { Channel } from '../../src/protocol/channels.ts';
import type {
  AppendRequest,
  Claimed,
  EntryOutcome,
  LogStore,
  NewEntry,
  StoreCallName,
  StoreCalls,
  StoreReply,
} from '../../src/runtime/ports/log-store.ts';

/** A store under test. */
export interface StoreUnderTest {
  readonly store: LogStore;
  close(): Promise<void>;
}

export function ask<Name extends StoreCallName>(
  store: LogStore,
  name: Name,
  request: StoreCalls[Name]['request'],
  deadlineMs = 5_000,
): Promise<StoreReply<Name>> {
  return new Promise((resolve) => store.call(name, request, deadlineMs, resolve));
}

/** As {@link ask}, for calls that must succeed. */
export async function get<Name extends StoreCallName>(
  store: LogStore,
  name: Name,
  request: StoreCalls[Name]['request'],
): Promise<StoreCalls[Name]['reply']> {
  const reply = await ask(store, name, request);
  if (!reply.ok) throw new Error(`${name} failed: ${reply.message}`);
  return reply.value;
}

let names = 0;
export function newRoom(): string {
  return `room-${process.pid}-${++names}`;
}

export function entry(id: string, fields: Partial<NewEntry> = {}): NewEntry {
  return { id, sender: 'alice', content: `content of ${id}`, data: null, sentAt: null, ...fields };
}

/** The epoch that a claim was granted; 0 without one. */
export function epochIn(granted: StoreCalls['claim']['reply'], channel: Channel): number {
  const claimed = granted.get(channel);
  return claimed && claimed !== 'busy' ? claimed.epoch : 0;
}

export async function claim(store: LogStore, channel: Channel, owner: string): Promise<Claimed> {
  const granted = await get(store, 'claim', { owner, claims: [{ channel, mode: 'create', epoch: 0 }] });
  return granted.get(channel) as Claimed;
}

export async function append(
  store: LogStore,
  channel: Channel,
  owner: string,
  epoch: number,
  entries: readonly NewEntry[],
): Promise<readonly EntryOutcome[]> {
  return get(store, 'append', { owner, appends: appendsTo(channel, epoch, entries) });
}

/** Entries for a channel that is known to have a record, if it is a room. */
export function appendsTo(channel: Channel, epoch: number, entries: readonly NewEntry[]): AppendRequest[] {
  return entries.map((one) => ({ channel, epoch, createsRoom: false, entry: one }));
}

export async function readAll(
  store: LogStore,
  channel: Channel,
): Promise<StoreCalls['page']['reply']['entries']> {
  const entries = [];
  for (let after = 0; ;) {
    const page = await get(store, 'page', {
      channel,
      start: { after },
      limit: 1_000,
      bytesMax: 10_000_000,
      reader: null,
    });
    entries.push(...page.entries);
    after = page.entries.at(-1)?.seq ?? after;
    if (!page.more) return entries;
  }
}

/** What every log store promises (ports/log-store.ts). */
export function logStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`log store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    test('the log has a name, a UUID', () => {
      expect(store.log).toMatch(LOG_NAME);
    });

    test('a channel without messages has no row: the store does not open it, and knows no head', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const granted = await get(store, 'claim', {
        owner: 'a',
        claims: [{ channel, mode: 'open', epoch: 0 }],
      });
      expect(granted.size).toBe(0);
      expect((await get(store, 'heads', { channels: [channel] })).size).toBe(0);
    });

    test('a claim raises the epoch by one and returns the head', async () => {
      const channel: Channel = `room:${newRoom()}`;
      expect(await claim(store, channel, 'a')).toEqual({ epoch: 1, head: 0 });
      await append(store, channel, 'a', 1, [entry('1'), entry('2')]);
      expect(await claim(store, channel, 'b')).toEqual({ epoch: 2, head: 2 });
      const opened = await get(store, 'claim', { owner: 'c', claims: [{ channel, mode: 'open', epoch: 0 }] });
      expect(opened.get(channel)).toEqual({ epoch: 3, head: 2 });
    });

    test('entries get seqs from 1, without a hole, in the order of the request', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const first = await append(store, channel, 'a', epoch, [entry('a'), entry('b'), entry('c')]);
      const second = await append(store, channel, 'a', epoch, [entry('d')]);
      expect(
        [...first, ...second].map((outcome) => (outcome.type === 'stored' ? outcome.seq : outcome.type)),
      ).toEqual([1, 2, 3, 4]);
      expect((await readAll(store, channel)).map(({ seq, id }) => [seq, id])).toEqual([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
        [4, 'd'],
      ]);
      expect((await get(store, 'heads', { channels: [channel] })).get(channel)).toBe(4);
    });

    test('[RQ2] a place is the head of a channel and its message at a seq', async () => {
      const [one, two]: Channel[] = [`room:${newRoom()}`, `room:${newRoom()}`];
      const { epoch } = await claim(store, one as Channel, 'a');
      const outcomes = await append(store, one as Channel, 'a', epoch, [
        entry('x'),
        entry('y', { sender: 'bob' }),
      ]);
      const times = outcomes.map((outcome) => (outcome.type === 'stored' ? outcome.at : undefined));
      const places = [
        [one, 2],
        [two, 1],
        [one, 1],
        [one, 3],
        [one, 0],
        [one, Number.MAX_SAFE_INTEGER],
        [one, 2],
      ].map(([channel, seq]) => ({ channel: channel as Channel, seq: seq as number }));
      const y = { head: 2, at: { id: 'y', sender: 'bob', at: times[1] } };
      const nothing = { head: 2, at: null };
      expect(await get(store, 'places', { places })).toEqual([
        y,
        { head: 0, at: null },
        { head: 2, at: { id: 'x', sender: 'alice', at: times[0] } },
        nothing,
        nothing,
        nothing,
        y,
      ]);
      expect(await get(store, 'places', { places: [] })).toEqual([]);
    });

    test('[D21] an append that knows a newer head than the store: rewound, and nothing of it is stored', async () => {
      const [behind, fine]: Channel[] = [`room:${newRoom()}`, `room:${newRoom()}`];
      const owner = 'a';
      for (const channel of [behind, fine]) {
        await claim(store, channel as Channel, owner);
        await append(store, channel as Channel, owner, 1, [entry('1'), entry('2')]);
      }
      const two = (channel: Channel | undefined, head: number, id: string): AppendRequest[] =>
        appendsTo(channel as Channel, 1, [entry(id), entry(`${id}+`)]).map((one) => ({ ...one, head }));
      const appends = [...two(behind, 3, 'x'), ...two(fine, 2, 'x')];
      const outcomes = await get(store, 'append', { owner, appends });
      expect(outcomes.map(({ type }) => type)).toEqual(['rewound', 'rewound', 'stored', 'stored']);
      expect((await readAll(store, behind as Channel)).map(({ id }) => id)).toEqual(['1', '2']);
      // Epoch and owner come first: a deposed owner gets `fenced`.
      const deposed = await get(store, 'append', { owner: 'b', appends: two(behind, 3, 'y') });
      expect(deposed.map(({ type }) => type)).toEqual(['fenced', 'fenced']);
      // An owner that knows an older head may append.
      const again = await get(store, 'append', { owner, appends: two(fine, 1, 'z') });
      expect(again).toMatchObject([{ seq: 5 }, { seq: 6 }]);
    });

    test('[PU2] a page that ends before the wanted seq says where the channel begins', async () => {
      const [channel, empty]: Channel[] = [`room:${newRoom()}`, `room:${newRoom()}`];
      await claim(store, channel as Channel, 'a');
      await append(store, channel as Channel, 'a', 1, [entry('1'), entry('2'), entry('3')]);
      const first = async (
        of: Channel,
        after: number,
        upTo: number,
        limit = 10,
      ): Promise<number | undefined> => {
        const page = { channel: of, start: { after, upTo }, limit, bytesMax: 10_000, reader: null };
        return (await get(store, 'page', page)).first;
      };
      expect(await first(channel as Channel, 0, 3)).toBeUndefined();
      expect(await first(channel as Channel, 0, 3, 2)).toBeUndefined();
      expect(await first(channel as Channel, 1, 5)).toBe(1);
      expect(await first(channel as Channel, 3, 4)).toBe(1);
      expect(await first(empty as Channel, 0, 4)).toBe(1);
    });

    test('an entry comes back as it was stored', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const rich = entry('rich', {
        sender: 'bob',
        content: 'a "quoted" {brace, comma} \\ back\nline',
        data: '{"a":[1,{"b":null}]}',
        sentAt: 1_700_000_000_123,
      });
      const before = Date.now() - 60_000;
      const [outcome] = await append(store, channel, 'a', epoch, [rich]);
      const [read] = await readAll(store, channel);
      expect(read).toEqual({ ...rich, seq: 1, at: (outcome as { at: number }).at });
      expect(read?.at).toBeGreaterThan(before);
      expect(Number.isInteger(read?.at)).toBe(true);
    });

    test('a repeat inside a batch and across batches gets the first one’s seq and time, also with other content', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const outcomes = await append(store, channel, 'a', epoch, [
        entry('x'),
        entry('y'),
        entry('x', { content: 'other' }),
      ]);
      expect(outcomes.map(({ type }) => type)).toEqual(['stored', 'stored', 'duplicate']);
      expect(outcomes[2]).toEqual({ ...outcomes[0], type: 'duplicate' });
      const again = await append(store, channel, 'a', epoch, [
        entry('z'),
        entry('y', { content: 'other' }),
        entry('x'),
      ]);
      expect(again.map((outcome) => [outcome.type, 'seq' in outcome && outcome.seq])).toEqual([
        ['stored', 3],
        ['duplicate', 2],
        ['duplicate', 1],
      ]);
      expect((await readAll(store, channel)).map(({ content }) => content)).toEqual([
        'content of x',
        'content of y',
        'content of z',
      ]);
    });

    test('the same id of another sender, or in another channel, is another message', async () => {
      const [one, two]: Channel[] = [`room:${newRoom()}`, `room:${newRoom()}`] as const;
      const entries = [entry('same'), entry('same', { sender: 'bob' })];
      const appends = [
        ...appendsTo(one, (await claim(store, one, 'a')).epoch, entries),
        ...appendsTo(two, (await claim(store, two, 'a')).epoch, entries),
      ];
      const outcomes = await get(store, 'append', { owner: 'a', appends });
      expect(outcomes).toMatchObject([1, 2, 1, 2].map((seq) => ({ type: 'stored', seq })));
    });

    test('a deposed owner, by epoch or by name, appends nothing; other channels of its batch do not suffer', async () => {
      const lost: Channel = `room:${newRoom()}`;
      const kept: Channel = `room:${newRoom()}`;
      const old = await claim(store, lost, 'a');
      const mine = await claim(store, kept, 'a');
      const now = await claim(store, lost, 'b');
      const appends = [
        ...appendsTo(lost, old.epoch, [entry('late')]),
        ...appendsTo(kept, mine.epoch, [entry('fine')]),
      ];
      const outcomes = await get(store, 'append', { owner: 'a', appends });
      expect(outcomes.map(({ type }) => type)).toEqual(['fenced', 'stored']);
      // The right epoch of the wrong owner.
      expect(await append(store, lost, 'a', now.epoch, [entry('stolen')])).toEqual([{ type: 'fenced' }]);
      expect(await readAll(store, lost)).toEqual([]);
    });

    test('a channel that was never claimed is fenced', async () => {
      expect(await append(store, `room:${newRoom()}`, 'a', 0, [entry('x')])).toEqual([{ type: 'fenced' }]);
    });

    test('an owner settles only from its own epoch', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const settle = async (owner: string, from: number): Promise<Claimed | 'busy' | null | undefined> =>
        (await get(store, 'claim', { owner, claims: [{ channel, mode: 'settle', epoch: from }] })).get(
          channel,
        );
      expect(await settle('b', epoch)).toBeUndefined();
      expect(await settle('a', epoch + 1)).toBeUndefined();
      expect(await settle('a', epoch)).toEqual({ epoch: epoch + 1, head: 0 });
      expect(await settle('a', epoch)).toBeUndefined();
    });

    test('one claim statement serves 512 channels, each in its own mode', async () => {
      const made = Array.from({ length: 256 }, (): Channel => `room:${newRoom()}`);
      const unknown = Array.from({ length: 256 }, (): Channel => `room:${newRoom()}`);
      const claims = [
        ...made.map((channel) => ({ channel, mode: 'create' as const, epoch: 0 })),
        ...unknown.map((channel) => ({ channel, mode: 'open' as const, epoch: 0 })),
      ];
      const granted = await get(store, 'claim', { owner: 'a', claims });
      expect([...granted.keys()].toSorted()).toEqual([...made].toSorted());
    });

    test('of 512 messages to 8 channels in turn, one bad one is refused alone', async () => {
      const channels = Array.from({ length: 8 }, (): Channel => `room:${newRoom()}`);
      const epochs = await Promise.all(channels.map((channel) => claim(store, channel, 'a')));
      const bad = { content: 'U+0000: \0' };
      const appends = Array.from({ length: 64 }, (_, n) =>
        channels.flatMap((channel, at) =>
          appendsTo(channel, (epochs[at] as Claimed).epoch, [entry(`${n}`, at === 5 && n === 17 ? bad : {})]),
        ),
      ).flat();
      const outcomes = await get(store, 'append', { owner: 'a', appends });
      const place = 17 * 8 + 5;
      expect(outcomes[place]).toEqual({ type: 'refused' });
      const seqs = outcomes.map((outcome) => ('seq' in outcome ? outcome.seq : 0));
      expect(seqs).toEqual(
        appends.map((_, at) => {
          if (at === place) return 0;
          return Math.floor(at / 8) + (at % 8 === 5 && at > place ? 0 : 1);
        }),
      );
      const read = await readAll(store, channels[5] as Channel);
      expect(read.map(({ seq }) => seq)).toEqual(Array.from({ length: 63 }, (_, at) => at + 1));
      expect(read.map(({ id }) => Number(id))).toEqual([...Array(64).keys()].filter((n) => n !== 17));
    });

    test('contents of 64 KiB, 16 in one statement', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const content = 'x'.repeat(65_000);
      const outcomes = await append(
        store,
        channel,
        'a',
        epoch,
        Array.from({ length: 16 }, (_, n) => entry(`big-${n}`, { content: `${n}${content}` })),
      );
      expect(outcomes.every(({ type }) => type === 'stored')).toBe(true);
      expect((await readAll(store, channel)).map((read) => read.content.length)).toEqual(
        Array.from({ length: 16 }, (_, n) => 65_000 + String(n).length),
      );
    });

    test('texts of every Unicode plane come back as sent', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const planes = Array.from({ length: 17 }, (_, plane) =>
        [0x0001, 0x00e9, 0x4e2d, 0xfffd].map((low) => String.fromCodePoint(plane * 0x10000 + low)).join(''),
      );
      const texts = [...planes, 'e\u0301 is not \u00e9', '\u200f\u202e\ufeff', '👩‍👩‍👧‍👦'];
      await append(
        store,
        channel,
        'a',
        epoch,
        texts.map((content, n) =>
          entry(`${n}`, { content, sender: 'ünï\u{1F600}', data: JSON.stringify({ content }) }),
        ),
      );
      const read = await readAll(store, channel);
      expect(read.map(({ content }) => content)).toEqual(texts);
      expect(read.map(({ data }) => (JSON.parse(data ?? '') as { content: string }).content)).toEqual(texts);
    });

    test('50 writers at once: no channel has a gap, and each writer’s order stays', async () => {
      const channels = Array.from({ length: 5 }, (): Channel => `room:${newRoom()}`);
      const epochs = new Map<Channel, number>();
      for (const channel of channels) epochs.set(channel, (await claim(store, channel, 'a')).epoch);
      const writer = async (n: number): Promise<void> => {
        for (let round = 0; round < 10; round++) {
          const order = n % 2 ? channels : [...channels].toReversed();
          let open = order.flatMap((channel) =>
            appendsTo(channel, epochs.get(channel) as number, [entry(`${n}-${round}`, { sender: `w${n}` })]),
          );
          while (open.length > 0) {
            const outcomes = await get(store, 'append', { owner: 'a', appends: open });
            expect(outcomes.every(({ type }) => type === 'stored' || type === 'busy')).toBe(true);
            open = open.filter((_, at) => outcomes[at]?.type === 'busy');
          }
        }
      };
      await Promise.all(Array.from({ length: 50 }, (_, n) => writer(n)));
      for (const channel of channels) {
        const read = await readAll(store, channel);
        expect(read.map(({ seq }) => seq)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
        for (let n = 0; n < 50; n++) {
          const rounds = read
            .filter(({ sender }) => sender === `w${n}`)
            .map(({ id }) => Number(id.split('-')[1]));
          expect(rounds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        }
      }
    });

    test('a claim from the owner’s epoch and a lookup settle a commit whose reply is lost', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      await append(store, channel, 'a', epoch, [entry('before')]);
      // The outcomes of these two are lost.
      await append(store, channel, 'a', epoch, [entry('x'), entry('y')]);
      const settled = (
        await get(store, 'claim', { owner: 'a', claims: [{ channel, mode: 'settle', epoch }] })
      ).get(channel);
      expect(settled).toEqual({ epoch: epoch + 1, head: 3 });
      expect(await append(store, channel, 'a', epoch, [entry('late')])).toEqual([{ type: 'fenced' }]);
      const again = await append(store, channel, 'a', epoch + 1, [entry('x'), entry('y'), entry('z')]);
      expect(again.map((outcome) => [outcome.type, 'seq' in outcome && outcome.seq])).toEqual([
        ['duplicate', 2],
        ['duplicate', 3],
        ['stored', 4],
      ]);
      const keys = ['x', 'late'].map((id) => ({ sender: 'alice', id }));
      expect(await get(store, 'lookup', { channel, keys })).toMatchObject([{ seq: 2 }, null]);
    });

    describe('pages', () => {
      let channel: Channel;
      beforeAll(async () => {
        channel = `room:${newRoom()}`;
        const { epoch } = await claim(store, channel, 'a');
        await append(
          store,
          channel,
          'a',
          epoch,
          Array.from({ length: 20 }, (_, n) => entry(`${n + 1}`, { content: 'c'.repeat(1_000) })),
        );
      });
      const page = async (
        request: Partial<StoreCalls['page']['request']>,
      ): Promise<{ seqs: number[]; more: boolean }> => {
        const { entries, more } = await get(store, 'page', {
          channel,
          start: 'newest',
          limit: 200,
          bytesMax: 262_144,
          reader: null,
          ...request,
        });
        return { seqs: entries.map(({ seq }) => seq), more };
      };

      test('after a seq, ascending, up to a bound', async () => {
        expect(await page({ start: { after: 17 } })).toEqual({ seqs: [18, 19, 20], more: false });
        expect(await page({ start: { after: 4 }, limit: 3 })).toEqual({ seqs: [5, 6, 7], more: true });
        expect(await page({ start: { after: 4, upTo: 6 } })).toEqual({ seqs: [5, 6], more: false });
        expect(await page({ start: { after: 20 } })).toEqual({ seqs: [], more: false });
      });
      test('before a seq, and the newest, ascending too', async () => {
        expect(await page({ start: { before: 4 } })).toEqual({ seqs: [1, 2, 3], more: false });
        expect(await page({ start: { before: 10 }, limit: 2 })).toEqual({ seqs: [8, 9], more: true });
        expect(await page({ limit: 4 })).toEqual({ seqs: [17, 18, 19, 20], more: true });
        expect(await page({ limit: 20 })).toMatchObject({ more: false });
      });
      test('a page ends at its size, with one entry at least', async () => {
        expect(await page({ start: { after: 0 }, bytesMax: 3_300 })).toEqual({ seqs: [1, 2, 3], more: true });
        expect(await page({ bytesMax: 2_200 })).toEqual({ seqs: [19, 20], more: true });
        expect(await page({ start: { after: 0 }, bytesMax: 1 })).toEqual({ seqs: [1], more: true });
      });
      test('of a channel without a row', async () => {
        expect(await page({ channel: `room:${newRoom()}` })).toEqual({ seqs: [], more: false });
      });
    });

    test('lookup finds entries by sender and id', async () => {
      const channel: Channel = `room:${newRoom()}`;
      const { epoch } = await claim(store, channel, 'a');
      const [first] = await append(store, channel, 'a', epoch, [entry('x'), entry('y')]);
      const keys = [
        { sender: 'alice', id: 'x' },
        { sender: 'bob', id: 'x' },
        { sender: 'alice', id: 'nothing' },
      ];
      const { seq, at } = first as { seq: number; at: number };
      expect(await get(store, 'lookup', { channel, keys })).toEqual([{ seq, at }, null, null]);
    });

    describe('rooms', () => {
      const make = (room: string, fields: object = {}): Promise<boolean | null> =>
        get(store, 'createRoom', {
          room,
          access: 'private',
          metadata: '{"a":1}',
          creator: 'alice',
          members: ['bob'],
          ...fields,
        });
      const record = async (room: string) =>
        (await get(store, 'rooms', { rooms: [room, 'no-such-room'] })).records.get(room);

      test('are made once', async () => {
        const room = newRoom();
        expect(await record(room)).toBeUndefined();
        expect(await make(room)).toBe(true);
        expect(await make(room, { access: 'public' })).toBe(false);
        expect(await record(room)).toEqual({
          access: 'private',
          metadata: '{"a":1}',
          creator: 'alice',
          isDeleted: false,
        });
      });

      test('have their creator and members as members, and others as they are added', async () => {
        const room = newRoom();
        await make(room);
        const members = () =>
          get(store, 'membership', { pairs: ['alice', 'bob', 'carol'].map((user) => ({ room, user })) });
        expect(await members()).toEqual([true, 'invited', false]);
        await get(store, 'setMember', { room, user: 'carol', isMember: true });
        await get(store, 'setMember', { room, user: 'carol', isMember: true });
        await get(store, 'setMember', { room, user: 'bob', isMember: false });
        expect(await members()).toEqual([true, false, true]);
      });

      test('[FR7] get a public record with their first message, when it creates them', async () => {
        const room = newRoom();
        const channel: Channel = `room:${room}`;
        const { epoch } = await claim(store, channel, 'a');
        const first = { channel, epoch, createsRoom: true, entry: entry('1') };
        await get(store, 'append', { owner: 'a', appends: [first] });
        await get(store, 'append', { owner: 'a', appends: [{ ...first, entry: entry('2') }] });
        expect(await record(room)).toEqual({
          access: 'public',
          metadata: '{}',
          creator: null,
          isDeleted: false,
        });
        expect(await make(room)).toBe(false);
      });

      test('[JW4] show their pages to readers with the right', async () => {
        const room = newRoom();
        const channel: Channel = `room:${room}`;
        await make(room);
        const { epoch } = await claim(store, channel, 'a');
        await append(store, channel, 'a', epoch, [entry('1')]);
        const read = async (user: string | null, of: Channel = channel, isAdmin = false) => {
          const reader = user === null ? null : { user, isAdmin };
          return get(store, 'page', { channel: of, start: 'newest', limit: 10, bytesMax: 10_000, reader });
        };
        expect(await read('carol')).toEqual({ grant: 'forbidden', entries: [], more: false });
        expect(await read('bob')).toMatchObject({ grant: 'granted', entries: [{ id: '1' }] });
        expect(await read(null)).toMatchObject({ grant: 'granted', entries: [{ id: '1' }] });
        expect(await read('bob', `room:${newRoom()}`)).toEqual({ grant: 'absent', entries: [], more: false });
      });

      test('that were never written to are deleted too, and their channel has a row from then on', async () => {
        const room = newRoom();
        const channel: Channel = `room:${room}`;
        await make(room);
        expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 })).toMatchObject({
          epoch: 1,
          head: 0,
        });
        expect(await record(room)).toMatchObject({ isDeleted: true });
        expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 })).toBe(null);
        expect(await claim(store, channel, 'b')).toEqual({ epoch: 2, head: 0 });
      });

      test('[D21] are deleted also where their record was lost: nothing is left of their messages', async () => {
        const room = newRoom();
        const channel: Channel = `room:${room}`;
        const { epoch } = await claim(store, channel, 'a');
        await append(store, channel, 'a', epoch, [entry('1')]);
        expect(await get(store, 'emptyRoom', { room })).toBe(false);
        await get(store, 'deleteRoom', { room, owner: 'a', epoch });
        expect(await record(room)).toMatchObject({ isDeleted: true });
        expect(await get(store, 'emptyRoom', { room })).toBe(true);
        expect(await readAll(store, channel)).toEqual([]);
      });

      test('are deleted with their messages and members, but the channel goes on counting', async () => {
        const room = newRoom();
        const channel: Channel = `room:${room}`;
        await make(room);
        const { epoch } = await claim(store, channel, 'a');
        await append(store, channel, 'a', epoch, [entry('1'), entry('2')]);
        // A late deletion does nothing, and neither does one by another owner.
        expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: epoch - 1 })).toBe(null);
        expect(await get(store, 'deleteRoom', { room, owner: 'b', epoch })).toBe(null);
        expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch: 0 })).toBe(null);
        expect(await record(room)).toMatchObject({ isDeleted: false });
        expect(await readAll(store, channel)).toHaveLength(2);
        expect(await get(store, 'deleteRoom', { room, owner: 'a', epoch })).toMatchObject({
          epoch: epoch + 1,
          head: 2,
        });
        expect(await append(store, channel, 'a', epoch, [entry('late')])).toEqual([{ type: 'fenced' }]);
        expect(await record(room)).toMatchObject({ isDeleted: true });
        expect(await get(store, 'membership', { pairs: [{ room, user: 'bob' }] })).toEqual([false]);
        expect(
          await get(store, 'page', {
            channel,
            start: 'newest',
            limit: 10,
            bytesMax: 10_000,
            reader: { user: 'alice', isAdmin: false },
          }),
        ).toMatchObject({ grant: 'gone' });
        expect(await get(store, 'emptyRoom', { room })).toBe(true);
        expect(await get(store, 'emptyRoom', { room })).toBe(false);
        expect(await readAll(store, channel)).toEqual([]);
        // A member that was added too late is not a member of the new room.
        await get(store, 'setMember', { room, user: 'late', isMember: true });
        expect(await make(room, { creator: 'dan', members: [] })).toBe(true);
        expect(await append(store, channel, 'a', epoch + 1, [entry('1')])).toMatchObject([
          { type: 'stored', seq: 3 },
        ]);
        expect(
          await get(store, 'membership', {
            pairs: [
              { room, user: 'bob' },
              { room, user: 'dan' },
              { room, user: 'late' },
            ],
          }),
        ).toEqual([false, true, false]);
      });
    });

    test('answers a ping', async () => {
      expect(await get(store, 'ping', {})).toBeNull();
    });
  });
}
