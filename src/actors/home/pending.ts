import type { Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import type { Sender } from '../messages/connection.ts';
import type { WriterLimits } from './writer-limits.ts';
import type { Effects } from '../kit/effects.ts';
import { SmallMap } from '../kit/small.ts';
import type { Published } from '../messages/home.ts';
import type { AppendResult } from '../messages/log.ts';
import type { Refusal } from '../messages/terms.ts';

/** The asker of an entry: it gets the outcome, if it still waits. */
export type Asker = Pick<Turn, 'replyTo' | 'deadline'>;

/** A message of a user, whose right to send it has to be known. */
export interface Sent {
  readonly entry: NewEntry;
  readonly by: Sender;
  readonly asker: Asker;
}

/** A message that was taken and not answered. */
export interface Pending extends Asker {
  readonly serial: number;
  readonly entry: NewEntry;
  readonly size: number;
  readonly acceptedAt: number;
  /** The epoch under which the log has it; 0 while it has not, or has given it back. */
  submittedEpoch: number;
  /** The head before the statement whose outcome is open; undefined while nothing is in doubt. */
  doubtedAt: number | undefined;
}

/** What the log says of a message. */
export interface Judged {
  readonly pending: Pending;
  readonly outcome: AppendResult['outcome'];
  /** The log has it from before: this is no late word of our own attempt. */
  readonly isRepeat: boolean;
}

/** Whether it may be stored: then no answer may say that it is not. */
export function mayBeStored({ submittedEpoch, doubtedAt }: Pending): boolean {
  return submittedEpoch > 0 || doubtedAt !== undefined;
}

/** What a home has taken and not answered, in the order in which it will be stored. */
export class PendingMessages implements Iterable<Pending> {
  readonly #bySerial = new SmallMap<number, Pending>();
  readonly #limits: Pick<WriterLimits, 'pendingMax' | 'pendingSizeMax'>;
  #size = 0;
  #submitted = 0;
  #lastSerial: number;

  /** Serials follow `lastSerial`. */
  constructor(limits: Pick<WriterLimits, 'pendingMax' | 'pendingSizeMax'>, lastSerial: number) {
    this.#limits = limits;
    this.#lastSerial = lastSerial;
  }

  /** Later messages have higher ones. */
  get lastSerial(): number {
    return this.#lastSerial;
  }

  get count(): number {
    return this.#bySerial.size;
  }

  /** Whether the log has all of it. */
  get allSubmitted(): boolean {
    return this.#submitted === this.count;
  }

  [Symbol.iterator](): Iterator<Pending> {
    return this.#bySerial.values();
  }

  /** Undefined when there is no room for it. */
  add(entry: NewEntry, asker: Asker, acceptedAt: number): Pending | undefined {
    const size = entry.content.length + (entry.data?.length ?? 0);
    const { pendingMax, pendingSizeMax } = this.#limits;
    if (this.count >= pendingMax || this.#size + size > pendingSizeMax) return undefined;
    const serial = ++this.#lastSerial;
    const { replyTo, deadline } = asker;
    const pending: Pending = {
      serial,
      entry,
      size,
      acceptedAt,
      replyTo,
      deadline,
      submittedEpoch: 0,
      doubtedAt: undefined,
    };
    this.#bySerial.set(serial, pending);
    this.#size += size;
    return pending;
  }

  /** The outcomes of messages that the log has under their epoch. All repeats are found while all of these are still here. */
  judge(results: readonly AppendResult[]): readonly Judged[] {
    const judged: Judged[] = [];
    for (const { serial, epoch, outcome } of results) {
      const pending = this.#bySerial.get(serial);
      if (pending?.submittedEpoch !== epoch) continue;
      const isRepeat = outcome.type === 'duplicate' && !this.isOwn(pending, outcome.seq);
      judged.push({ pending, outcome, isRepeat });
    }
    return judged;
  }

  submit(pending: Pending, epoch: number): void {
    if (pending.submittedEpoch === 0) this.#submitted++;
    pending.submittedEpoch = epoch;
  }

  /** The log has said what became of it, or has lost it. */
  release(pending: Pending): void {
    if (pending.submittedEpoch > 0) this.#submitted--;
    pending.submittedEpoch = 0;
  }

  remove(pending: Pending): boolean {
    if (!this.#bySerial.delete(pending.serial)) return false;
    this.#size -= pending.size;
    this.release(pending);
    return true;
  }

  /** Nothing happens if it was answered before. */
  answer(pending: Pending, body: Published | Refusal, out: Effects): void {
    if (this.remove(pending)) out.reply(pending.replyTo, body);
  }

  /**
   * The log was asked for these messages, and has each at a place, or not at all. All are judged before the first answer: of
   * twins only the first is the message.
   */
  answerFound(
    asked: readonly Pending[],
    found: readonly (Pick<Published, 'seq' | 'at'> | null)[],
    absent: Refusal,
    out: Effects,
  ): void {
    const bodies = asked.map((pending, at) => {
      const place = found[at];
      return place ? { ...place, isDuplicate: !this.isOwn(pending, place.seq) } : absent;
    });
    for (const [at, pending] of asked.entries()) this.answer(pending, bodies[at] ?? absent, out);
  }

  refuseAll(refusal: Refusal, out: Effects): void {
    for (const pending of [...this]) this.answer(pending, refusal, out);
  }

  /** Refuses messages that were accepted by a time and are certainly not stored. */
  refuseUnstored(acceptedBy: number, refusal: Refusal, out: Effects): void {
    for (const pending of [...this])
      if (!mayBeStored(pending) && pending.acceptedAt <= acceptedBy) this.answer(pending, refusal, out);
  }

  /**
   * Removes messages whose asker does not wait any more: storing one later would be a surprise. About one that may be stored
   * the home says nothing. Its ask ends as unknown, which is true (DG4).
   */
  dropExpired(now: number, refusal: Refusal, out: Effects): void {
    for (const pending of [...this]) {
      if (pending.deadline >= now) continue;
      if (mayBeStored(pending)) this.remove(pending);
      else this.answer(pending, refusal, out);
    }
  }

  /** Everything that the log had may be stored, or be stored yet; `head` is the last seq that is certain. */
  doubtAll(head: number): void {
    for (const pending of this) {
      if (mayBeStored(pending)) pending.doubtedAt ??= head;
      this.release(pending);
    }
  }

  /** The log has lost its end: what is doubtful may be stored anywhere behind `head`. */
  rewound(head: number): void {
    for (const pending of this)
      if (pending.doubtedAt !== undefined) pending.doubtedAt = Math.min(pending.doubtedAt, head);
  }

  /** The first with this sender and id. */
  findDuplicate({ sender, id }: NewEntry): NewEntry | undefined {
    for (const { entry } of this) if (entry.sender === sender && entry.id === id) return entry;
    return undefined;
  }

  /** A duplicate of our own doubtful attempt is the message itself, not a repeat of an older one. */
  isOwn(pending: Pending, seq: number): boolean {
    if (pending.doubtedAt === undefined || seq <= pending.doubtedAt) return false;
    const { sender, id } = pending.entry;
    // If twins were sent together, the first is the message.
    for (const other of this) {
      if (other === pending) return true;
      if (other.entry.sender === sender && other.entry.id === id) return false;
    }
    return true;
  }
}
