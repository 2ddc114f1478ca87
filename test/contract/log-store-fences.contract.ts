import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Channel } from '../../src/protocol/channels.ts';
import type { LogStore, RoomRecord } from '../../src/runtime/ports/log-store.ts';
import type { Changed, Fence } from '../../src/runtime/ports/members.ts';
import { claim, get, newRoom, type StoreUnderTest } from './log-store.contract.ts';

/** A change of rights, as a home makes it. */
export interface Change {
  /** What the room has before, beside its channel. */
  readonly before?: (store: LogStore, room: string) => Promise<unknown>;
  readonly make: (store: LogStore, room: string, fence?: Fence) => Promise<boolean | Changed>;
  /** What of the room the change leaves. */
  readonly after: Partial<RoomState>;
}

interface RoomState {
  readonly record: RoomRecord | undefined;
  /** The memberships of alice, bob and carol, in this order. */
  readonly members: readonly unknown[];
  /** Their bans, in the same order. */
  readonly banned: readonly number[];
}

const PRIVATE_ROOM = { access: 'private', metadata: '{}', creator: 'alice', members: ['bob'] } as const;

export const CHANGES: Readonly<Record<string, Change>> = {
  createRoom: {
    make: (store, room, fence) => get(store, 'createRoom', { room, ...PRIVATE_ROOM, ...fenced(fence) }),
    after: { members: [true, 'invited', false] },
  },
  'setMember, in': {
    make: (store, room, fence) =>
      get(store, 'setMember', { room, user: 'carol', isMember: true, ...fenced(fence) }),
    after: { members: [false, false, true] },
  },
  'setMember, out': {
    before: (store, room) => get(store, 'setMember', { room, user: 'carol', isMember: true }),
    make: (store, room, fence) =>
      get(store, 'setMember', { room, user: 'carol', isMember: false, ...fenced(fence) }),
    after: { members: [false, false, false] },
  },
  ban: {
    make: (store, room, fence) =>
      get(store, 'ban', { room, user: 'carol', until: null, createsRoom: true, ...fenced(fence) }),
    after: {
      record: { access: 'public', metadata: '{}', creator: null, isDeleted: false, hasBans: true },
      banned: [0, 0, Infinity],
    },
  },
  unban: {
    before: (store, room) => get(store, 'ban', { room, user: 'carol', until: null, createsRoom: false }),
    make: (store, room, fence) => get(store, 'unban', { room, user: 'carol', ...fenced(fence) }),
    after: { banned: [0, 0, 0] },
  },
};

function fenced(fence: Fence | undefined): { readonly fence?: Fence } {
  return fence ? { fence } : {};
}

/** What the store has of a room that the changes concern. */
export async function roomState(store: LogStore, room: string): Promise<RoomState> {
  const pairs = ['alice', 'bob', 'carol'].map((user) => ({ room, user }));
  return {
    record: (await get(store, 'rooms', { rooms: [room] })).records.get(room),
    members: await get(store, 'membership', { pairs }),
    banned: await get(store, 'banned', { pairs }),
  };
}

/** What a log store promises about changes of rights that name owner and epoch of the room's channel (D25). */
export function logStoreFencesContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`log store contract, fences: ${name}`, () => {
    let under: StoreUnderTest;
    let store: LogStore;
    beforeAll(async () => {
      under = await open();
      store = under.store;
    });
    afterAll(() => under.close());

    describe.each(Object.entries(CHANGES))('%s', (_, { before, make, after }) => {
      /** A room whose channel is `a`'s at epoch 2. */
      const roomOfA = async (): Promise<string> => {
        const room = newRoom();
        await claim(store, `room:${room}`, 'before-a');
        expect(await claim(store, `room:${room}`, 'a')).toMatchObject({ epoch: 2 });
        await before?.(store, room);
        return room;
      };

      test('[D25] is made under the owner and epoch of the room’s channel', async () => {
        const room = await roomOfA();
        expect(await make(store, room, { owner: 'a', epoch: 2 })).not.toBe(null);
        expect(await roomState(store, room)).toMatchObject(after);
      });

      test.each<[string, Fence]>([
        ['an earlier epoch', { owner: 'a', epoch: 1 }],
        ['a later epoch', { owner: 'a', epoch: 3 }],
        ['another owner', { owner: 'before-a', epoch: 2 }],
        ['neither', { owner: 'b', epoch: 0 }],
      ])('[D25] changes nothing under %s', async (_title, fence) => {
        const room = await roomOfA();
        const known = await roomState(store, room);
        expect(await make(store, room, fence)).toBe(null);
        expect(await roomState(store, room)).toEqual(known);
      });

      test('[D25] changes nothing where the channel has no row', async () => {
        const room = newRoom();
        await before?.(store, room);
        const known = await roomState(store, room);
        for (const epoch of [0, 1]) expect(await make(store, room, { owner: 'a', epoch })).toBe(null);
        expect(await roomState(store, room)).toEqual(known);
        expect((await get(store, 'heads', { channels: [`room:${room}`] })).size).toBe(0);
      });

      test('[D25] changes nothing after a deletion under the same epoch', async () => {
        const room = await roomOfA();
        await get(store, 'deleteRoom', { room, owner: 'a', epoch: 2 });
        const known = await roomState(store, room);
        expect(await make(store, room, { owner: 'a', epoch: 2 })).toBe(null);
        expect(await roomState(store, room)).toEqual(known);
      });

      test('[D25] is made in any case without a fence', async () => {
        const claimed = await roomOfA();
        const free = newRoom();
        await before?.(store, free);
        for (const room of [claimed, free]) {
          expect(await make(store, room)).not.toBe(null);
          expect(await roomState(store, room)).toMatchObject(after);
        }
      });

      test('[D25] leaves the channel as it is', async () => {
        const room = await roomOfA();
        const channel: Channel = `room:${room}`;
        await make(store, room, { owner: 'a', epoch: 2 });
        expect(await claim(store, channel, 'b')).toEqual({ epoch: 3, head: 0 });
      });
    });

    const fence = { owner: 'a', epoch: 1 };

    test('[D25] a creation under the right fence says false where the room exists, and null under another', async () => {
      const room = newRoom();
      await claim(store, `room:${room}`, 'a');
      const create = (epoch: number) =>
        get(store, 'createRoom', { room, ...PRIVATE_ROOM, fence: { owner: 'a', epoch } });
      expect([await create(1), await create(1), await create(2)]).toEqual([true, false, null]);
    });

    test('[D25] a change that finds nothing to change is made all the same', async () => {
      const room = newRoom();
      await claim(store, `room:${room}`, 'a');
      const member = { room, user: 'carol', isMember: false };
      expect(await get(store, 'setMember', { ...member, fence })).not.toBe(null);
      expect(await get(store, 'setMember', member)).toBe(0);
      expect(await get(store, 'unban', { room, user: 'carol', fence })).not.toBe(null);
      expect(await get(store, 'unban', { room, user: 'carol' })).toBe(0);
      for (let n = 0; n < 2; n++) {
        expect(await get(store, 'setMember', { ...member, isMember: true, fence })).not.toBe(null);
        const ban = { room, user: 'carol', until: null, createsRoom: false };
        expect(await get(store, 'ban', { ...ban, fence })).not.toBe(null);
      }
    });
  });
}
