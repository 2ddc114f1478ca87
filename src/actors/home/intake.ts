import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { LookupReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { Access } from './access.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import type { Sent } from './pending.ts';
import { outcomeUnknown, Refusals, type RefusalsContext } from './refusals.ts';
import { Vetting, type AskedOfMessages, type VettingContext } from './vetting.ts';

export type IntakeContext = VettingContext | RefusalsContext;

export interface IntakeParts {
  readonly room: string;
  readonly access: Access;
  readonly ledger: Ledger;
  readonly limits: LedgerLimits;
  /** What the application is asked about messages; undefined: nothing. */
  readonly vetted: AskedOfMessages | undefined;
}

/** A message's way into the ledger: by its sender's right, and by the application's word where it has one. */
export class Intake {
  readonly #access: Access;
  readonly #ledger: Ledger;
  readonly #limits: LedgerLimits;
  readonly #refusals: Refusals;
  readonly #vetting: Vetting | undefined;

  constructor({ room, access, ledger, limits, vetted }: IntakeParts) {
    this.#access = access;
    this.#ledger = ledger;
    this.#limits = limits;
    this.#refusals = new Refusals(ledger, limits);
    if (vetted === undefined) return;
    this.#vetting = new Vetting({
      room,
      asked: vetted,
      limits,
      unavailable: () => ledger.unavailable(),
      // Rights may have been lost meanwhile, and the room with them.
      accept: (sent, turn, out) => this.#judge(sent, turn, out, (at, later) => this.#append(sent, at, later)),
      // Behind what the same user sent before and whose right is still being read: it may be the same message.
      refuse: (sent, refusal, turn, out) =>
        access.check(sent.by, turn, out, (right, at, later) => {
          // Then it may have overtaken them.
          if (right?.error === 'unavailable') later.reply(sent.asker.replyTo, outcomeUnknown(limits));
          else this.#refusals.refuse(sent, refusal, at, later);
        }),
    });
  }

  /** Messages wait for the application's word, or for the log's about a refusal. */
  get isBusy(): boolean {
    return this.#refusals.isBusy || this.#vetting?.isBusy === true;
  }

  take(sent: Sent, turn: Turn, out: Outbox): void {
    this.#judge(sent, turn, out, (at, later) => {
      if (this.#vetting) this.#vetting.ask(sent, at, later);
      else this.#append(sent, at, later);
    });
  }

  #judge(sent: Sent, turn: Turn, out: Outbox, granted: (turn: Turn, out: Outbox) => void): void {
    this.#access.check(sent.by, turn, out, (refusal, at, later) => {
      if (!refusal) return granted(at, later);
      const { asker, entry } = sent;
      // A right that cannot be read now says nothing of the message, and the log would not answer either.
      if (refusal.error === 'unavailable') return later.reply(asker.replyTo, refusal);
      // Of what waits for the application nobody can say yet whether it will be stored.
      if (this.#vetting?.awaits(entry)) return later.reply(asker.replyTo, outcomeUnknown(this.#limits));
      this.#refusals.refuse(sent, refusal, at, later);
    });
  }

  #append({ entry, asker }: Sent, turn: Turn, out: Outbox): void {
    this.#ledger.append(entry, asker, turn, out);
  }

  answered(context: IntakeContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    if (context.for === 'repeats') this.#refusals.answered(context, answer as Answer<LookupReply>, out);
    else this.#vetting?.answered(context, answer, turn, out);
  }
}
