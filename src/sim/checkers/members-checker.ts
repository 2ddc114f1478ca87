import type { ClientCore, Members } from 'vagus-client/core';

interface Kept {
  readonly list: Members;
  /** The users that result from the first list and all notifications. */
  readonly told: Set<string>;
}

/**
 * A room's users by the SDK's live list, and by an application that follows the first list and the notifications. Both must
 * end as the true list (invariant 16).
 */
export class MembersChecker {
  #kept = new Map<string, Kept>();

  /** The application has a new client, which knows nothing of the previous one. */
  watch(core: ClientCore): void {
    this.#kept = new Map();
    core.on('joined', ({ room, users }) => {
      for (const user of users) this.#kept.get(room)?.told.add(user);
    });
    core.on('left', ({ room, users }) => {
      for (const user of users) this.#kept.get(room)?.told.delete(user);
    });
  }

  /** Asks for the list of a room that the client is in, unless there is one. */
  ask(core: ClientCore, room: string): void {
    core.members(room, (result) => {
      if (!result.ok) return void this.#kept.delete(room);
      if (this.#kept.get(room)?.list === result.value) return;
      const list = result.value;
      this.#kept.set(room, { list, told: new Set(list.users?.map(({ user }) => user)) });
    });
  }

  /** The errors in a room's list at rest, if there is one. */
  wrong(room: string, self: string, present: readonly string[]): string[] {
    const kept = this.#kept.get(room);
    if (!kept) return [];
    const { list, told } = kept;
    if (!list.isCurrent) return [`the list of ${room} is not current`];
    const users = list.users?.map(({ user }) => user) ?? [];
    const wrong: string[] = [];
    if (users.join() !== present.join())
      wrong.push(`present in ${room} are ${present.join(' ')}; listed are ${users.join(' ')}`);
    // Notifications never name the user themselves.
    const others = (all: Iterable<string>): string =>
      [...all]
        .filter((user) => user !== self)
        .toSorted()
        .join(' ');
    if (others(told) !== others(present))
      wrong.push(`present in ${room} are ${others(present)}; told of were ${others(told)}`);
    return wrong;
  }
}
