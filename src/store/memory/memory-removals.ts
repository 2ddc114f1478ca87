import { REMOVAL_KEPT_MS } from '../../protocol/revocation.ts';
import type { Removal } from '../../runtime/ports/members.ts';
import type { StoreCalls } from '../../runtime/ports/log-store.ts';
import type { MemoryRevocations } from './memory-revocations.ts';
import type { Numbers } from './numbers.ts';

export interface KeptRemoval extends Removal {
  readonly number: number;
  /** When the ban ends by itself (ms); infinite when it does not, or is no ban. */
  readonly until: number;
  readonly at: number;
}

/** Users who lost the right to a room, for the nodes that read it by number (D25). `wall` is the database's clock. */
export class MemoryRemovals {
  readonly #wall: () => number;
  readonly #numbers: Numbers;
  #kept: KeptRemoval[] = [];

  constructor(wall: () => number, numbers: Numbers) {
    this.#wall = wall;
    this.#numbers = numbers;
  }

  all(): readonly KeptRemoval[] {
    return this.#kept;
  }

  replace(by: readonly KeptRemoval[]): void {
    this.#kept = [...by];
  }

  add(removal: Removal, until = Infinity): number {
    const number = this.#numbers.draw();
    this.#kept.push({ ...removal, number, until, at: this.#wall() });
    return number;
  }

  /** Users have the right again. */
  regained(room: string, users: readonly string[], why: Removal['why']): void {
    this.#kept = this.#kept.filter(
      (kept) => kept.room !== room || kept.why !== why || !users.includes(kept.user ?? ''),
    );
  }

  /** All that concerned a room is replaced by its deletion. */
  deleted(room: string): number {
    this.#kept = this.#kept.filter((kept) => kept.room !== room);
    return this.add({ room, user: null, why: 'deleted' });
  }

  after(number: number): readonly KeptRemoval[] {
    return this.#kept.filter((kept) => kept.number > number && kept.until > this.#wall());
  }

  prune(limit: number): number {
    const old = this.#kept.filter(({ at }) => at <= this.#wall() - REMOVAL_KEPT_MS).slice(0, limit);
    this.#kept = this.#kept.filter((kept) => !old.includes(kept));
    return old.length;
  }
}

/** Losses with higher numbers than this, of sessions and of rooms, in order. */
export function lossesAfter(
  revocations: MemoryRevocations,
  removals: MemoryRemovals,
  { number: known, limit }: StoreCalls['revokedAfter']['request'],
): StoreCalls['revokedAfter']['reply'] {
  const ended = revocations.after(known).map(({ number, user, session, before, at }) => {
    return { kind: 'revocation', number, user, session, before, at } as const;
  });
  const removed = removals.after(known).map(({ number, room, user, why }) => {
    return { kind: 'removal', number, room, user, why } as const;
  });
  return [...ended, ...removed].toSorted((a, b) => a.number - b.number).slice(0, limit);
}
