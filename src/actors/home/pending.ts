import type { Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import type { Sender } from '../messages.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import { LazyMap } from '../lazy.ts';

/** Who is answered when an entry's outcome is known, and until when he waits. */
export type Asker = Pick<Turn, 'replyTo' | 'deadline'>;

/** A message of somebody's, whose right to send it has to be known. */
export interface Sent {
  readonly entry: NewEntry;
  readonly by: Sender;
  readonly asker: Asker;
}

/** More than a home takes in a millisecond, by far. */
const SERIALS_A_MS = 1_000;

/** A message that was taken and not answered. */
export interface Pending extends Asker {
  readonly serial: number;
  readonly entry: NewEntry;
  readonly size: number;
  readonly takenAt: number;
  /** The epoch under which the log has it; 0 while it has not, or has given it back. */
  givenAt: number;
  /** The head before the statement whose outcome is open; undefined while nothing is in doubt. */
  doubtedAt: number | undefined;
}

/** Whether it may be stored: then nobody may be told that it is not. */
export function mayBeStored({ givenAt, doubtedAt }: Pending): boolean {
  return givenAt > 0 || doubtedAt !== undefined;
}

/** What a home has taken and not answered, in the order in which it will be stored. */
export class PendingMessages implements Iterable<Pending> {
  readonly #bySerial = new LazyMap<number, Pending>();
  readonly #limits: Pick<LedgerLimits, 'pendingMax' | 'pendingSizeMax'>;
  #size = 0;
  #given = 0;
  #lastSerial: number;

  /**
   * `bornAt`: when this life of the home began. No serial is one of an earlier life: a database that has lost a claim gives
   * its epoch once more (D21), and what is said late of the messages before must find none of these.
   */
  constructor(limits: Pick<LedgerLimits, 'pendingMax' | 'pendingSizeMax'>, bornAt: number) {
    this.#limits = limits;
    this.#lastSerial = Math.floor(bornAt) * SERIALS_A_MS;
  }

  get count(): number {
    return this.#bySerial.size;
  }

  /** Whether the log has all of it. */
  get areAllGiven(): boolean {
    return this.#given === this.count;
  }

  [Symbol.iterator](): Iterator<Pending> {
    return this.#bySerial.values();
  }

  /** Undefined when there is no room for it. */
  add(entry: NewEntry, asker: Asker, takenAt: number): Pending | undefined {
    const size = entry.content.length + (entry.data?.length ?? 0);
    const { pendingMax, pendingSizeMax } = this.#limits;
    if (this.count >= pendingMax || this.#size + size > pendingSizeMax) return undefined;
    const serial = ++this.#lastSerial;
    const { replyTo, deadline } = asker;
    const pending: Pending = {
      serial,
      entry,
      size,
      takenAt,
      replyTo,
      deadline,
      givenAt: 0,
      doubtedAt: undefined,
    };
    this.#bySerial.set(serial, pending);
    this.#size += size;
    return pending;
  }

  get(serial: number): Pending | undefined {
    return this.#bySerial.get(serial);
  }

  give(pending: Pending, epoch: number): void {
    if (pending.givenAt === 0) this.#given++;
    pending.givenAt = epoch;
  }

  /** The log has said what became of it, or has lost it. */
  takeBack(pending: Pending): void {
    if (pending.givenAt > 0) this.#given--;
    pending.givenAt = 0;
  }

  remove(pending: Pending): void {
    if (!this.#bySerial.delete(pending.serial)) return;
    this.#size -= pending.size;
    this.takeBack(pending);
  }

  /** Everything that the log had may be stored, or be stored yet; `head` is the last seq that is certain. */
  doubtAll(head: number): void {
    for (const pending of this) {
      if (mayBeStored(pending)) pending.doubtedAt ??= head;
      this.takeBack(pending);
    }
  }

  /** The log has lost its end: what is doubtful may be stored anywhere behind `head`. */
  rewound(head: number): void {
    for (const pending of this)
      if (pending.doubtedAt !== undefined) pending.doubtedAt = Math.min(pending.doubtedAt, head);
  }

  /** The first with this sender and id. */
  twinOf({ sender, id }: NewEntry): NewEntry | undefined {
    for (const { entry } of this) if (entry.sender === sender && entry.id === id) return entry;
    return undefined;
  }

  /** A duplicate of our own doubtful attempt is the message itself, not a repeat of an older one. */
  isOwn(pending: Pending, seq: number): boolean {
    if (pending.doubtedAt === undefined || seq <= pending.doubtedAt) return false;
    const { sender, id } = pending.entry;
    // Of twins that were sent together, the first is the message.
    for (const other of this) {
      if (other === pending) return true;
      if (other.entry.sender === sender && other.entry.id === id) return false;
    }
    return true;
  }
}
