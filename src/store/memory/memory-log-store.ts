import type { Channel } from '../../protocol/channels.ts';
import { logName } from '../../protocol/log-name.ts';
import type {
  AppendRequest,
  ClaimRequest,
  Claimed,
  EntryOutcome,
  Grant,
  LogStore,
  Reader,
  RoomRecord,
  StoreCallName,
  StoreCalls,
  StoreReply,
} from '../../runtime/ports/log-store.ts';
import type { Fence } from '../../runtime/ports/members.ts';
import { discard, keyOf, markIn, placeIn, type ChannelRow } from './channel-row.ts';
import { listRooms } from './list-rooms.ts';
import { MemoryLeases, moved } from './memory-leases.ts';
import { MemoryMembers } from './memory-members.ts';
import { page } from './memory-page.ts';
import { prune } from './memory-prune.ts';
import { lossesAfter, MemoryRemovals } from './memory-removals.ts';
import { MemoryRevocations } from './memory-revocations.ts';
import { Numbers } from './numbers.ts';
import { copyOf, replace, type Snapshot } from './snapshot.ts';

type Calls = {
  readonly [Name in StoreCallName]: (request: StoreCalls[Name]['request']) => StoreCalls[Name]['reply'];
};

/**
 * The log as plain data. The contract suite holds it to the behaviour of PostgreSQL. It ends with the process. `wall` is
 * the clock that dates the entries.
 */
export class MemoryLogStore implements LogStore {
  readonly #database: string;
  readonly #wall: () => number;
  readonly #channels = new Map<Channel, ChannelRow>();
  readonly #rooms = new Map<string, RoomRecord>();
  readonly #members: MemoryMembers;
  readonly #leases: MemoryLeases;
  readonly #numbers: Numbers;
  readonly #revocations: MemoryRevocations;
  readonly #removals: MemoryRemovals;

  constructor(options: { readonly log: string; readonly wall: () => number }) {
    this.#database = options.log;
    this.#wall = options.wall;
    this.#leases = new MemoryLeases(options.wall);
    this.#numbers = new Numbers(options.wall);
    this.#revocations = new MemoryRevocations(options.wall, this.#numbers);
    this.#removals = new MemoryRemovals(options.wall, this.#numbers);
    this.#members = new MemoryMembers(options.wall);
  }

  get log(): string {
    return logName(this.#database, this.#leases.timeline);
  }

  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    _deadlineMs: number,
    done: (reply: StoreReply<Name>) => void,
  ): void {
    done({ ok: true, value: this.#calls[name](request) });
  }

  /** A copy of everything, for a later {@link restore}. */
  snapshot(): Snapshot {
    return copyOf({
      channels: this.#channels,
      rooms: this.#rooms,
      members: this.#members.all(),
      leases: this.#leases.all(),
      view: this.#leases.view,
      revocations: this.#revocations.all(),
      removals: this.#removals.all(),
      lastNumber: this.#numbers.last,
    });
  }

  /**
   * Loses everything after a snapshot: the server that had it is gone, and the standby that takes over never received it.
   */
  restore(snapshot: Snapshot): void {
    const { channels, rooms, members, leases, view, ...rights } = copyOf(snapshot);
    replace(this.#channels, channels);
    replace(this.#rooms, rooms);
    this.#members.replace(members);
    this.#leases.failOver(leases, view);
    this.#revocations.replace(rights.revocations);
    this.#removals.replace(rights.removals);
    this.#numbers.last = rights.lastNumber;
  }

  /** The row of a channel, for a test that locks it; undefined when there is none. */
  row(
    channel: Channel,
  ): { readonly epoch: number; readonly owner: string; readonly head: number } | undefined {
    const known = this.#channels.get(channel);
    return known && { epoch: known.epoch, owner: known.owner, head: known.head };
  }

  /** A revocation whose transaction began a while ago and commits now. */
  revokedSince(agoMs: number, request: StoreCalls['revoke']['request']): StoreCalls['revoke']['reply'] {
    return this.#revocations.revoke(request, agoMs);
  }

  readonly #calls: Calls = {
    append: ({ owner, appends }) => appends.map((append) => this.#append(owner, append)),

    claim: ({ owner, claims }) => {
      const granted = claims.map((claim) => [claim.channel, this.#claim(owner, claim)] as const);
      return new Map(
        granted.filter((pair): pair is readonly [Channel, Claimed | null] => pair[1] !== undefined),
      );
    },

    heads: ({ channels }) => {
      const known = channels.filter((channel) => this.#channels.has(channel));
      return new Map(known.map((channel) => [channel, this.#row(channel).head]));
    },

    places: ({ places }) => places.map(({ channel, seq }) => placeIn(this.#channels.get(channel), seq)),

    page: (request) => {
      const grant = this.#grant(request.channel, request.reader);
      return {
        grant,
        ...page(grant === 'granted' ? this.#channels.get(request.channel) : undefined, request),
      };
    },

    lookup: ({ channel, keys }) =>
      keys.map(({ sender, id }) => markIn(this.#channels.get(channel), sender, id)),

    rooms: ({ rooms }) => {
      const found = rooms.flatMap((room) => {
        const record = this.#rooms.get(room);
        const more = this.#members.hasBans(room) ? ({ hasBans: true } as const) : {};
        return record ? [[room, { ...record, ...more }] as const] : [];
      });
      return { records: new Map(found), losses: this.#numbers.last };
    },

    membership: ({ pairs }) => pairs.map(({ room, user }) => this.#members.of(room, user)),
    banned: ({ pairs }) => pairs.map(({ room, user }) => this.#members.bannedMs(room, user)),

    ban: ({ room, user, until, createsRoom, fence }) => {
      if (this.#isFenced(room, fence)) return null;
      if (createsRoom) this.#createRecord(room);
      this.#members.ban(room, user, until ?? Infinity);
      return this.#removals.add({ room, user, why: 'banned' }, until ?? Infinity);
    },

    unban: ({ room, user, fence }) => {
      if (this.#isFenced(room, fence)) return null;
      this.#members.unban(room, user);
      this.#removals.regained(room, [user], 'banned');
      return 0;
    },

    acceptInvitation: ({ room, user }) => {
      this.#members.accept(room, user);
      return null;
    },

    createRoom: ({ room, members, fence, ...rest }) => {
      if (this.#isFenced(room, fence)) return null;
      if (this.#rooms.get(room)?.isDeleted === false) return false;
      const { access, metadata, creator } = rest;
      this.#rooms.set(room, { access, metadata, creator, isDeleted: false });
      this.#members.made(room, creator, members);
      this.#removals.regained(room, [creator, ...members], 'removed');
      return true;
    },

    setMember: ({ room, user, isMember, fence }) => {
      if (this.#isFenced(room, fence)) return null;
      const wasMember = this.#members.of(room, user) !== false;
      this.#members.set(room, user, isMember);
      if (isMember) this.#removals.regained(room, [user], 'removed');
      return wasMember && !isMember ? this.#removals.add({ room, user, why: 'removed' }) : 0;
    },

    deleteRoom: ({ room, owner, epoch }) => {
      const row = this.#channels.get(`room:${room}`);
      if (row ? row.epoch !== epoch || row.owner !== owner : epoch !== 0) return null;
      const record = this.#rooms.get(room);
      const access = record?.access ?? 'private';
      this.#rooms.set(room, { access, metadata: '{}', creator: null, isDeleted: true });
      this.#members.forget(room);
      const claimed = this.#claim(owner, { channel: `room:${room}`, mode: 'create', epoch: 0 });
      return claimed ? { ...claimed, number: this.#removals.deleted(room) } : null;
    },

    emptyRoom: ({ room }) => {
      const row = this.#channels.get(`room:${room}`);
      if (!row || this.#rooms.get(room)?.isDeleted !== true) return false;
      const had = row.entries.size > 0;
      row.entries.clear();
      row.keys.clear();
      return had;
    },

    discard: ({ channel, upTo }) => {
      discard(this.#channels.get(channel), upTo);
      return null;
    },

    listRooms: (request) =>
      listRooms(this.#rooms, request, {
        isVisible: (room) => this.#grant(`room:${room}`, request.reader) === 'granted',
        isInvited: (room) => this.#members.of(room, request.reader.user) === 'invited',
      }),
    prune: (request) => prune(this.#channels, request, this.#wall()),

    revoke: (request) => this.#revocations.revoke(request),
    unrevoke: (which) => this.#revocations.unrevoke(which),
    holdRevocations: (which) => {
      this.#revocations.hold(which);
      return null;
    },
    pruneRevocations: ({ limit }) => this.#revocations.prune(limit) + this.#removals.prune(limit),
    revoked: ({ sessions }) => sessions.map((key) => this.#revocations.find(key)),

    revokedAfter: (request) => lossesAfter(this.#revocations, this.#removals, request),

    renew: (request) => ({ ...this.#leases.renew(request), losses: this.#numbers.last }),
    endLeases: (request) => this.#leases.end(request),
    declareDead: (request) => this.#leases.declareDead(request),
    view: () => this.#leases.view,
    changeView: (request) => this.#leases.changeView(request),
    moved: (request) => moved(this.#channels, request, Math.floor(this.#wall())),

    ping: () => null,
  };

  #isFenced(room: string, fence: Fence | undefined): boolean {
    const row = this.#channels.get(`room:${room}`);
    return fence !== undefined && (row?.epoch !== fence.epoch || row.owner !== fence.owner);
  }

  #row(channel: Channel): ChannelRow {
    return this.#channels.get(channel) as ChannelRow;
  }

  #claim(owner: string, { channel, mode, epoch, shard }: ClaimRequest): Claimed | null | undefined {
    const known = this.#channels.get(channel);
    const isOwn = known?.epoch === epoch && known.owner === owner;
    if (mode === 'settle' && !isOwn) return undefined;
    if (shard !== undefined && !this.#leases.isPlaced(shard, owner)) return null;
    if (!known && mode !== 'create') return undefined;
    const row: ChannelRow = known ?? { epoch: 0, owner, head: 0, entries: new Map(), keys: new Map() };
    this.#channels.set(channel, row);
    row.epoch++;
    row.owner = owner;
    return { epoch: row.epoch, head: row.head };
  }

  #append(owner: string, { channel, epoch, head = 0, createsRoom, entry }: AppendRequest): EntryOutcome {
    const row = this.#channels.get(channel);
    if (!row || row.epoch !== epoch || row.owner !== owner) return { type: 'fenced' };
    if (row.head < head) return { type: 'rewound' };
    // Like PostgreSQL, the store refuses texts with U+0000.
    if (`${entry.content}${entry.data ?? ''}`.includes('\0')) return { type: 'refused' };
    const key = keyOf(entry.sender, entry.id);
    const before = row.entries.get(row.keys.get(key) ?? 0);
    if (before) return { type: 'duplicate', seq: before.seq, at: before.at };
    if (createsRoom) this.#createRecord(channel.slice(5));
    const seq = ++row.head;
    const at = Math.floor(this.#wall());
    row.entries.set(seq, { ...entry, seq, at, epoch });
    row.keys.set(key, seq);
    return { type: 'stored', seq, at };
  }

  #createRecord(room: string): void {
    if (!this.#rooms.has(room))
      this.#rooms.set(room, { access: 'public', metadata: '{}', creator: null, isDeleted: false });
  }

  #grant(channel: Channel, reader: Reader | null): Grant {
    if (reader === null) return 'granted';
    const room = channel.slice(5);
    const record = this.#rooms.get(room);
    if (!record) return 'absent';
    if (record.isDeleted) return 'gone';
    if (reader.isAdmin) return 'granted';
    if (this.#members.bannedMs(room, reader.user) > 0) return 'banned';
    return record.access === 'public' || this.#members.of(room, reader.user) ? 'granted' : 'forbidden';
  }
}
