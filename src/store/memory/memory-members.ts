import type { Membership } from '../../runtime/ports/members.ts';

/** Values by room and user. */
type ByRoom<Value> = ReadonlyMap<string, ReadonlyMap<string, Value>>;

/** The members of every room, and its bans with their ends (ms). */
export interface MembersOfRooms {
  readonly members: ByRoom<Membership>;
  readonly bans: ByRoom<number>;
}

/** A copy that stays the same when the original changes. */
export function copyOfMembers({ members, bans }: MembersOfRooms): MembersOfRooms {
  return { members: copyOfRooms(members), bans: copyOfRooms(bans) };
}

function copyOfRooms<Value>(rooms: ByRoom<Value>): Map<string, Map<string, Value>> {
  return new Map([...rooms].map(([room, users]) => [room, new Map(users)]));
}

/** The members and bans of every room as plain data. `wall` is the clock that ends bans. */
export class MemoryMembers {
  readonly #wall: () => number;
  #members = new Map<string, Map<string, Membership>>();
  #bans = new Map<string, Map<string, number>>();

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  all(): MembersOfRooms {
    return { members: this.#members, bans: this.#bans };
  }

  replace({ members, bans }: MembersOfRooms): void {
    this.#members = copyOfRooms(members);
    this.#bans = copyOfRooms(bans);
  }

  of(room: string, user: string): Membership {
    return this.#members.get(room)?.get(user) ?? false;
  }

  /** A room is created. Its creator has joined it, and the other members are invited. */
  made(room: string, creator: string, members: readonly string[]): void {
    this.#members.set(room, new Map(members.map((user) => [user, 'invited'])));
    this.set(room, creator, true);
  }

  set(room: string, user: string, isMember: boolean): void {
    const members = this.#members.get(room) ?? new Map<string, Membership>();
    this.#members.set(room, members);
    if (isMember) members.set(user, true);
    else members.delete(user);
  }

  accept(room: string, user: string): void {
    if (this.of(room, user) === 'invited') this.set(room, user, true);
  }

  /** A deleted room has neither members nor bans. */
  forget(room: string): void {
    this.#members.delete(room);
    this.#bans.delete(room);
  }

  ban(room: string, user: string, until: number): void {
    const bans = this.#bans.get(room) ?? new Map<string, number>();
    this.#bans.set(room, bans);
    bans.set(user, until);
  }

  unban(room: string, user: string): void {
    this.#bans.get(room)?.delete(user);
  }

  /** How much longer a user is banned (ms); 0 when they are not. */
  bannedMs(room: string, user: string): number {
    return Math.max(0, Math.ceil((this.#bans.get(room)?.get(user) ?? 0) - this.#wall()));
  }

  hasBans(room: string): boolean {
    return [...(this.#bans.get(room)?.values() ?? [])].some((until) => until > this.#wall());
  }
}
