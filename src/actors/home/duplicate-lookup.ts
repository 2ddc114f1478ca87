import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import { LOG, type StoreAnswer } from '../messages/log.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import type { ChannelWriter } from './channel-writer.ts';
import type { WriterLimits } from './writer-limits.ts';
import type { Asker, Sent } from './pending.ts';
import { outcomeUnknown } from './refusals.ts';

/** Only the key of the message is kept. */
interface Refused {
  readonly sender: string;
  readonly id: string;
  readonly asker: Asker;
  readonly refusal: Refusal;
}

export interface DuplicateContext extends Awaits<StoreAnswer<'lookup'>> {
  readonly for: 'repeats';
  readonly refused: readonly Refused[];
}

/**
 * Messages of a room that are refused, until the log was asked about them.
 *
 * A refused message may repeat one that was accepted before: the sender may have lost the right since, or the application
 * may have changed its mind. Then the home answers with the seq of the first one. A client that gets a refusal can rely on
 * it: the message is not stored (DG4, FR4).
 */
export class DuplicateLookup {
  readonly #writer: ChannelWriter;
  readonly #limits: WriterLimits;
  /** What came while a lookup was under way; undefined while there is none. */
  #next: Refused[] | undefined;
  #count = 0;

  constructor(writer: ChannelWriter, limits: WriterLimits) {
    this.#writer = writer;
    this.#limits = limits;
  }

  /** Something that is refused waits for the log. */
  get isBusy(): boolean {
    return this.#count > 0;
  }

  refuse({ entry, asker }: Sent, refusal: Refusal, turn: Turn, out: Effects): void {
    // On its way into the log, of which the log cannot tell yet: this is the same message, with what was accepted then.
    const twin = this.#writer.findDuplicate(entry);
    if (twin) return this.#writer.append(twin, asker, turn, out);
    if (this.#count >= this.#limits.pendingMax) return out.reply(asker.replyTo, outcomeUnknown(this.#limits));
    this.#count++;
    const refused = { sender: entry.sender, id: entry.id, asker, refusal };
    if (this.#next) this.#next.push(refused);
    else this.#lookUp([refused], out);
  }

  /** One lookup at a time, for all messages that wait. */
  #lookUp(refused: readonly Refused[], out: Effects): void {
    this.#next = [];
    const keys = refused.map(({ sender, id }) => ({ sender, id }));
    const request = { call: 'lookup', channel: this.#writer.channel, keys } as const;
    const context: DuplicateContext = { for: 'repeats', refused };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  answered({ refused }: DuplicateContext, answer: Answer<StoreAnswer<'lookup'>>, out: Effects): void {
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
