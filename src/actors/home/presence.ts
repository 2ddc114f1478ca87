import type { Actor, DeviceState, Departure } from '../messages/terms.ts';
import type { PresencePage } from '../messages/home.ts';
import type { Spared } from '../messages/relay.ts';
import { SortedNames } from './sorted-names.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { LazySet } from '../kit/lazy.ts';
import { SmallMap } from '../kit/small.ts';

/** A user as others see it. */
type Shown = 'alive' | 'suspect';

interface Member {
  readonly devices: SmallMap<string, DeviceState>;
  /** While it has no device: until when it may come back without having left (LC3); 0 when it may not. */
  lostUntil: number;
  shown: Shown;
  /** Since when it is shown so; ms since 1970. */
  since: number;
}

/** All that is to be known of a user who is present. */
export interface PresentUser {
  readonly devices: readonly {
    readonly address: string;
    readonly state: DeviceState;
    readonly isAdmin: boolean;
  }[];
  readonly shown: Shown;
  readonly since: number;
}

/** What a change of devices means to others. */
export type PresenceChange = {
  readonly type: 'joined' | 'left' | Shown;
  readonly user: string;
  readonly since: number;
};

export interface Moment {
  readonly now: number;
  readonly wall: number;
}

/**
 * The users who are present on a channel, each with its devices (connections).
 *
 * - A user joins with its first device and leaves with its last one, or a grace later when that one was lost.
 * - A user is shown alive while one device is, else suspect.
 * - `#order` keeps users sorted for pages, from the first one that is asked for.
 */
export class Presence {
  readonly #graceMs: number;
  readonly #members = new SmallMap<string, Member>();
  readonly #users = new SmallMap<string, string>();
  /** Devices that have every right (RS4), as their relay said last. */
  readonly #admins = new LazySet<string>();
  /** Users without a device whose grace runs; in the order in which it ends. */
  readonly #lost = new LazySet<string>();
  #order: SortedNames | undefined;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Connections joined. */
  get devices(): number {
    return this.#users.size;
  }

  has(address: string): boolean {
    return this.#users.has(address);
  }

  /** Devices whose connections live on a node: their addresses begin with it. */
  devicesOn(incarnation: Incarnation): string[] {
    return [...this.#users.keys()].filter((address) => address.startsWith(`conn:${incarnation}.`));
  }

  states(user: string): readonly DeviceState[] {
    return [...(this.#members.get(user)?.devices.values() ?? [])];
  }

  isLost(user: string): boolean {
    return this.#lost.has(user);
  }

  users(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** Users who are shown suspect. */
  suspects(): PresenceChange[] {
    const changes: PresenceChange[] = [];
    for (const [user, { shown, since }] of this.#members)
      if (shown === 'suspect') changes.push({ type: shown, user, since });
    return changes;
  }

  enter(address: string, { user, isAdmin }: Actor, state: DeviceState, moment: Moment): PresenceChange[] {
    this.#users.set(address, user);
    if (isAdmin) this.#admins.add(address);
    else this.#admins.delete(address);
    const member = this.#members.get(user);
    if (member) {
      member.devices.set(address, state);
      member.lostUntil = 0;
      this.#lost.delete(user);
      return this.#show(user, member, moment);
    }
    const shown = state === 'suspect' ? 'suspect' : 'alive';
    const devices = new SmallMap<string, DeviceState>();
    devices.set(address, state);
    this.#members.set(user, { devices, lostUntil: 0, shown, since: moment.wall });
    this.#order?.add(user);
    return [{ type: 'joined', user, since: moment.wall }];
  }

  device(address: string, state: DeviceState, moment: Moment): PresenceChange[] {
    const user = this.#users.get(address);
    const member = user === undefined ? undefined : this.#members.get(user);
    if (user === undefined || !member) return [];
    member.devices.set(address, state);
    return this.#show(user, member, moment);
  }

  exit(address: string, how: Departure, moment: Moment): PresenceChange[] {
    const user = this.#users.get(address);
    const member = user === undefined ? undefined : this.#members.get(user);
    if (user === undefined || !member) return [];
    this.#users.delete(address);
    this.#admins.delete(address);
    member.devices.delete(address);
    if (member.devices.size > 0) return this.#show(user, member, moment);
    if (how !== 'lost') return this.#leave(user, moment);
    member.lostUntil = moment.now + this.#graceMs;
    this.#lost.add(user);
    return this.#show(user, member, moment);
  }

  /** A user who lost the right: out at once, with all devices, or with all but those that have every right. */
  expel(user: string, spares: Spared, moment: Moment): PresenceChange[] {
    const member = this.#members.get(user);
    if (!member) return [];
    for (const address of [...member.devices.keys()]) {
      if (spares === 'admins' && this.#admins.has(address)) continue;
      member.devices.delete(address);
      this.#users.delete(address);
      this.#admins.delete(address);
    }
    return member.devices.size > 0 ? this.#show(user, member, moment) : this.#leave(user, moment);
  }

  /** Ends the graces that are over. */
  expire(moment: Moment): PresenceChange[] {
    const changes: PresenceChange[] = [];
    for (const user of this.#lost) {
      if ((this.#members.get(user)?.lostUntil ?? 0) > moment.now) break;
      changes.push(...this.#leave(user, moment));
    }
    return changes;
  }

  /** A user who has devices. */
  user(user: string): PresentUser | undefined {
    const member = this.#members.get(user);
    if (!member || member.devices.size === 0) return undefined;
    const { shown, since } = member;
    const devices = Array.from(member.devices, ([address, state]) => {
      return { address, state, isAdmin: this.#admins.has(address) };
    });
    return { devices, shown, since };
  }

  /** Takes over a user who was present on another object of this class. */
  take(user: string, { devices, shown, since }: PresentUser): void {
    const member: Member = { devices: new SmallMap(), lostUntil: 0, shown, since };
    this.#members.set(user, member);
    for (const { address, state, isAdmin } of devices) {
      this.#users.set(address, user);
      member.devices.set(address, state);
      if (isAdmin) this.#admins.add(address);
    }
    this.#order?.add(user);
  }

  /** When the next grace ends, or undefined when none runs. */
  get nextExpiry(): number | undefined {
    for (const user of this.#lost) return this.#members.get(user)?.lostUntil;
    return undefined;
  }

  page(after: string | undefined, max: number): PresencePage {
    this.#order ??= new SortedNames(this.#members.keys());
    const { names, more } = this.#order.page(after, max);
    const members = names.map((user) => {
      const { shown, since, devices } = this.#members.get(user) as Member;
      return { user, state: shown, since, devices: devices.size };
    });
    return { members, total: this.#members.size, more };
  }

  #leave(user: string, moment: Moment): PresenceChange[] {
    this.#members.delete(user);
    this.#lost.delete(user);
    this.#order?.remove(user);
    return [{ type: 'left', user, since: moment.wall }];
  }

  #show(user: string, member: Member, moment: Moment): PresenceChange[] {
    const states = [...member.devices.values()];
    const shown: Shown = states.some((state) => state !== 'suspect') ? 'alive' : 'suspect';
    if (shown === member.shown) return [];
    member.shown = shown;
    member.since = moment.wall;
    return [{ type: shown, user, since: moment.wall }];
  }
}
