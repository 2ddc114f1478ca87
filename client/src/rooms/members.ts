import type { ClientEvents } from '../events.ts';
import type { Member, PresencePage } from '../wire/frames.ts';
import { fitting, isBoolean, isCount, isText, listOf, oneOf, type Schema } from '../wire/frame-schemas.ts';

const MEMBER: Schema<Member> = {
  user: isText,
  state: oneOf('alive', 'suspect'),
  since: isText,
  devices: isCount,
};

export const PRESENCE: Schema<PresencePage> = {
  room: isText,
  members: listOf(fitting(MEMBER)),
  total: isCount,
  more: isBoolean,
};

type Shown = 'alive' | 'suspect';

/** A notification about a room's users. */
export type MemberTold = {
  [Name in 'joined' | 'left' | 'presence' | 'members']: {
    readonly name: Name;
    readonly event: ClientEvents[Name];
  };
}['joined' | 'left' | 'presence' | 'members'];

/** A live list of a room's users, until the application closes it or the client leaves the room. */
export interface Members {
  readonly room: string;
  /** How many users there are, including this one. */
  readonly count: number;
  /** Sorted by user; undefined in a room of more than 200, where only the number is known. */
  readonly users: readonly { readonly user: string; readonly state: Shown }[] | undefined;
  /** False while the list may be outdated: without a connection, and until it is read again. */
  readonly isCurrent: boolean;
  /** Stops updating the list. */
  close(): void;
}

/** Users by name; undefined where only their number is known. */
interface Known {
  users: Map<string, Shown> | undefined;
  count: number;
}

/**
 * One list. Notifications that arrive during a read apply on top of its answer, which may be older.
 *
 * - `take` and `read` return the changes. In their order they lead from the old list to the new one.
 */
export class MemberList implements Members {
  readonly room: string;
  readonly close: () => void;
  isCurrent = false;
  #known: Known | undefined;
  /** Notifications since the request, for the 10 s that it may take (LM9). */
  #since: MemberTold[] | undefined;

  constructor(room: string, close: () => void) {
    this.room = room;
    this.close = close;
  }

  get isLoaded(): boolean {
    return this.#known !== undefined;
  }

  get count(): number {
    return this.#known?.count ?? 0;
  }

  get users(): Members['users'] {
    const users = this.#known?.users;
    const list = users && [...users].map(([user, state]) => ({ user, state }));
    list?.sort((a, b) => (a.user < b.user ? -1 : 1));
    return list;
  }

  asked(): void {
    this.#since = [];
  }

  lost(): void {
    this.isCurrent = false;
    this.#since = undefined;
  }

  /** Applies a notification. Returns the part that is new. */
  take(told: MemberTold, self: string): readonly MemberTold[] {
    this.#since?.push(told);
    const known = this.#known;
    if (!known) return [told];
    if (told.name === 'members') {
      const before = { ...known };
      apply(known, told);
      withSelf(known, self);
      return [...this.#moves(before, known, self), this.#all(known)];
    }
    return known.users ? apply(known, told) : [told];
  }

  /** Applies a read. The first one returns no changes, because no list existed. */
  read(page: PresencePage, self: string): readonly MemberTold[] {
    const { room } = this;
    const before = this.#known;
    const times = new Map(page.members.map(({ user, since }) => [user, since]));
    const users = page.more ? undefined : new Map(page.members.map(({ user, state }) => [user, state]));
    const next: Known = { users, count: page.total };
    for (const told of this.#since ?? []) {
      apply(next, told);
      if (told.name === 'presence') times.set(told.event.user, told.event.since);
    }
    withSelf(next, self);
    this.#since = undefined;
    this.#known = next;
    this.isCurrent = true;
    if (!before) return [];
    const states: MemberTold[] = [];
    for (const [user, state] of (before.users && next.users) ?? []) {
      const since = times.get(user);
      if (since !== undefined && user !== self && state !== (before.users?.get(user) ?? 'alive'))
        states.push({ name: 'presence', event: { room, user, state, since } });
    }
    return [...this.#moves(before, next, self), ...states, this.#all(next)];
  }

  #all({ users, count }: Known): MemberTold {
    const named = users && { users: [...users.keys()] };
    return { name: 'members', event: { room: this.room, count, ...named } };
  }

  /** Users who left and users who are new, when both lists have names. */
  #moves(before: Known, next: Known, self: string): MemberTold[] {
    const { room } = this;
    const [old, now] = [before.users, next.users];
    if (!old || !now) return [];
    const gone = [...old.keys()].filter((user) => user !== self && !now.has(user));
    const come = [...now.keys()].filter((user) => user !== self && !old.has(user));
    return [
      ...(gone.length > 0 ? [{ name: 'left', event: { room, users: gone } } as const] : []),
      ...(come.length > 0 ? [{ name: 'joined', event: { room, users: come } } as const] : []),
    ];
  }
}

/** The server tells no user about themselves, not even when a room has forgotten them and they return. */
function withSelf(known: Known, self: string): void {
  if (!known.users || known.users.has(self)) return;
  known.users.set(self, 'alive');
  known.count = known.users.size;
}

/** Applies a notification. Returns the part that is new. */
function apply(known: Known, told: MemberTold): readonly MemberTold[] {
  const { name, event } = told;
  if (name === 'members') {
    known.count = event.count;
    known.users = event.users && new Map(event.users.map((user) => [user, 'alive']));
    return [told];
  }
  const { users } = known;
  if (!users) return [];
  if (name === 'presence') {
    const before = users.get(event.user);
    if (before === undefined || before === event.state) return [];
    users.set(event.user, event.state);
    return [told];
  }
  const isNew = (user: string): boolean => users.has(user) === (name === 'left');
  const changed = event.users.filter(isNew);
  for (const user of event.users) {
    if (name === 'left') users.delete(user);
    else users.set(user, 'alive');
  }
  known.count = users.size;
  return changed.length > 0 ? [{ name, event: { ...event, users: changed } }] : [];
}
