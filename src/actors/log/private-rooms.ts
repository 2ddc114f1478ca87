import type { RoomRecord, StoreCalls, StoreReply, StoreRequest } from '../../runtime/ports/log-store.ts';
import { lostRecord, type KnownRecord, type Page } from '../messages/log.ts';

type Rooms = StoreCalls['rooms']['reply'];

/** Some 15 MB where names are UUIDs. */
const NAMES_MAX = 100_000;

/**
 * The rooms that were private when the store last reported them, with their creators. A store that goes backwards (D21)
 * may have lost their records: such a room must not count as one that was never created, which every user may use.
 *
 * - It learns from the store only, by every answer about rooms. A room that is read as public is forgotten,
 *   one that is deleted is not: its deletion may be lost, too.
 * - Bounded: the name that was heard of longest ago gives way.
 */
export class PrivateRooms {
  readonly #max: number;
  readonly #creators = new Map<string, string | null>();

  constructor(max = NAMES_MAX) {
    this.#max = max;
  }

  /** Takes the answer of the store, and returns the answer for the asker. */
  heard(request: StoreRequest, reply: StoreReply): StoreReply {
    if (!reply.ok) return reply;
    switch (request.call) {
      case 'rooms':
        return { ok: true, value: this.#records(request.rooms, reply.value as Rooms) };
      case 'page':
        return { ok: true, value: this.#page(request.channel, reply.value as Page) } as StoreReply;
      case 'createRoom':
        if (reply.value === true) this.#note(request.room, request);
        return reply;
      default:
        return reply;
    }
  }

  #records(rooms: readonly string[], { records: found, losses }: Rooms): Rooms {
    const known = new Map<string, KnownRecord>(found);
    for (const room of rooms) {
      const record = found.get(room);
      const creator = this.#creators.get(room);
      if (record && !record.isDeleted) this.#note(room, record);
      else if (!record && creator !== undefined) known.set(room, lostRecord(creator));
    }
    return { records: known, losses };
  }

  #page(channel: string, page: Page): Page {
    const isLost = page.grant === 'absent' && this.#creators.has(channel.slice('room:'.length));
    return isLost ? { ...page, grant: 'lost' } : page;
  }

  #note(room: string, { access, creator }: Pick<RoomRecord, 'access' | 'creator'>): void {
    this.#creators.delete(room);
    if (access === 'public') return;
    this.#creators.set(room, creator);
    if (this.#creators.size <= this.#max) return;
    for (const oldest of this.#creators.keys()) {
      this.#creators.delete(oldest);
      return;
    }
  }
}
