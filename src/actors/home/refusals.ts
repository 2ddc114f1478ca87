import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import { LOG, type LookupReply, type Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import type { Asker, Sent } from './pending.ts';

/** Of the message only its key is kept. */
interface Refused {
  readonly sender: string;
  readonly id: string;
  readonly asker: Asker;
  readonly refusal: Refusal;
}

export interface RefusalsContext {
  readonly for: 'repeats';
  readonly refused: readonly Refused[];
}

/**
 * Messages of a room that are refused, until the log was asked about them.
 *
 * What is refused now may be a repeat of a message that was accepted before: by a sender who has lost the right since, or
 * by an application that has changed its mind. Then it gets the first one's seq, since whoever is told "not stored" must
 * be able to rely on it (DG4, FR4).
 */
export class Refusals {
  readonly #ledger: Ledger;
  readonly #limits: LedgerLimits;
  /** What came while a lookup was under way; undefined while there is none. */
  #next: Refused[] | undefined;
  #count = 0;

  constructor(ledger: Ledger, limits: LedgerLimits) {
    this.#ledger = ledger;
    this.#limits = limits;
  }

  /** Something that is refused waits for the log. */
  get isBusy(): boolean {
    return this.#count > 0;
  }

  refuse({ entry, asker }: Sent, refusal: Refusal, turn: Turn, out: Outbox): void {
    // On its way into the log, of which the log cannot tell yet: this is the same message, with what was accepted then.
    const twin = this.#ledger.underWay(entry);
    if (twin) return this.#ledger.append(twin, asker, turn, out);
    if (this.#count >= this.#limits.pendingMax) return out.reply(asker.replyTo, outcomeUnknown(this.#limits));
    this.#count++;
    const refused = { sender: entry.sender, id: entry.id, asker, refusal };
    if (this.#next) this.#next.push(refused);
    else this.#lookUp([refused], out);
  }

  /** One lookup at a time, for all who wait. */
  #lookUp(refused: readonly Refused[], out: Outbox): void {
    this.#next = [];
    const keys = refused.map(({ sender, id }) => ({ sender, id }));
    const request = { call: 'lookup', channel: this.#ledger.channel, keys } as const;
    const context: RefusalsContext = { for: 'repeats', refused };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  answered({ refused }: RefusalsContext, answer: Answer<LookupReply>, out: Outbox): void {
    const found = answer.ok && answer.body.ok ? answer.body.value : undefined;
    this.#count -= refused.length;
    for (const [at, { asker, refusal }] of refused.entries()) {
      const first = found?.[at];
      if (first) out.reply(asker.replyTo, { ...first, isDuplicate: true });
      else out.reply(asker.replyTo, found ? refusal : outcomeUnknown(this.#limits));
    }
    const next = this.#next ?? [];
    this.#next = undefined;
    if (next.length > 0) this.#lookUp(next, out);
  }
}

/** A refusal would say that it is not stored, and an earlier sending of it may be (DG4). */
export function outcomeUnknown({ retryAfterMs }: Pick<LedgerLimits, 'retryAfterMs'>): Refusal {
  return {
    error: 'outcome_unknown',
    message: 'the message is refused now, but may have been stored before; send it again with the same id',
    retryAfterMs,
  };
}
