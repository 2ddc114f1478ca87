import type { Client, ListedRoom, VagusError } from '../../../client/src/index.ts';
import type { Room } from './room.ts';

const ASK_EVERY_MS = 5_000;
const MEMBERS_PAUSE_MS = 500;

/** The list of rooms, and the users of the open ones. It polls both. */
export class Directory {
  listed: readonly ListedRoom[] = [];
  /** Why the last request for `listed` failed. */
  staleBecause: string | undefined;
  readonly #client: Client;
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #changed: () => void;
  readonly #membersDue = new Set<string>();

  constructor(client: Client, rooms: ReadonlyMap<string, Room>, changed: () => void) {
    this.#client = client;
    this.#rooms = rooms;
    this.#changed = changed;
    setInterval(() => document.hidden || this.#askAgain(), ASK_EVERY_MS);
  }

  #askAgain(): void {
    this.askRooms();
    for (const { name, membersStaleBecause } of this.#rooms.values())
      if (membersStaleBecause !== undefined) this.askMembersSoon(name);
  }

  askRooms(): void {
    if (this.#client.state === 'alive') void this.#readRooms();
  }

  async #readRooms(): Promise<void> {
    try {
      this.listed = (await this.#client.rooms({ limit: 100 })).rooms;
      this.staleBecause = undefined;
    } catch (error) {
      this.staleBecause = (error as VagusError).message;
    }
    this.#changed();
  }

  /** Many users come and go at once after a restart. One request covers them. */
  askMembersSoon(name: string): void {
    if (this.#membersDue.has(name)) return;
    this.#membersDue.add(name);
    setTimeout(() => {
      this.#membersDue.delete(name);
      const room = this.#rooms.get(name);
      // A user who is out of a room gets no list of its users.
      if (room && room.closedBecause === undefined) void this.#readMembers(room);
    }, MEMBERS_PAUSE_MS);
  }

  async #readMembers(room: Room): Promise<void> {
    try {
      const { members, total } = await this.#client.presence(room.name);
      room.members = members;
      room.total = total;
      room.membersStaleBecause = undefined;
    } catch (error) {
      room.membersStaleBecause = (error as VagusError).message;
    }
    this.#changed();
  }
}
