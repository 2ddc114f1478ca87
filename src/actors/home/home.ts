import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Answered, Birth, Life, ReplyTo, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { type Enter, type Entered, type HomeMessage, type Refusal } from '../messages.ts';
import { DRAIN } from '../services.ts';
import { Outbox } from '../outbox.ts';
import type { AllowanceLimits } from './allowance.ts';
import { Ledger, type LedgerContext } from './ledger.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import type { Asker } from './pending.ts';

export interface HomeOptions {
  readonly incarnation: Incarnation;
  readonly ledger: LedgerLimits;
  /** How long a user may be gone without having left (LC3). */
  readonly graceMs: number;
  /** What a user may do over all connections (LM2, LM6). */
  readonly allowance: AllowanceLimits;
  /** Messages that may wait for a room, and for broadcast (LM8). */
  readonly mailboxMax: number;
}

/** Requests that may wait while a home is still claiming its channel. */
const ARRIVALS_MAX = 4_096;

interface Arrival {
  readonly message: HomeMessage;
  readonly asker: Asker;
}

/**
 * The one actor that orders and appends a channel. What is common to rooms, users and broadcast is here;
 * what each makes of its devices is in the subclasses.
 */
export abstract class Home {
  protected readonly options: HomeOptions;
  protected readonly ledger: Ledger;
  #arrivals: Arrival[] = [];
  #leaving: 'no' | 'at once' | 'when it can' = 'no';

  constructor(options: HomeOptions, birth: Birth, turn: Turn) {
    this.options = options;
    this.ledger = new Ledger(birth.address as Channel, options.ledger, turn, (out) => this.prepare(out));
  }

  lives(): readonly Life[] {
    return this.ledger.lives();
  }

  get channel(): Channel {
    return this.ledger.channel;
  }

  begin(birth: Birth, turn: Turn): Outbox {
    const out = new Outbox();
    // A new life after a crash knows nobody: those who are present say so again.
    if (birth.restarted) out.publish(this.channel, [this.options.incarnation], { type: 'homeStarted' });
    this.ledger.start(turn, out);
    return out;
  }

  take(message: HomeMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    switch (message.type) {
      case 'appended':
        this.ledger.appended(message.results, turn, out);
        break;
      case 'logRestarted':
      case 'timelineChanged':
        this.ledger.logDoubted(message.type, turn, out);
        break;
      case 'storeBack':
        this.ledger.storeBack(turn, out);
        break;
      case 'drain':
        this.#leave(out);
        break;
      case 'timer':
        this.timer(message.timer, turn, out);
        break;
      case 'answer':
        this.answered(message.context as { readonly for: string }, message.answer, turn, out);
        break;
      default:
        this.#admit(message, { replyTo: turn.replyTo, deadline: turn.deadline }, turn, out);
    }
    this.#letArrivalsIn(turn, out);
    this.tookTurn(out);
    this.#leaveIfAtRest(out);
    return out;
  }

  /** Who leads the drain hears of homes that cannot stop at once, and again when they do. */
  #leave(out: Outbox): void {
    if (this.#leaving !== 'no') return;
    this.#leaving = this.isAtRest ? 'at once' : 'when it can';
    if (this.#leaving === 'when it can') out.tell(DRAIN, { type: 'homeBusy', channel: this.channel });
  }

  #leaveIfAtRest(out: Outbox): void {
    if (this.#leaving === 'no' || !this.isAtRest) return;
    this.ledger.drain(out);
    if (this.#leaving === 'when it can') out.tell(DRAIN, { type: 'homeStopped', channel: this.channel });
  }

  /** Nothing that was taken waits for anything. */
  protected get isAtRest(): boolean {
    return this.ledger.isQuiet && this.#arrivals.length === 0;
  }

  /** While the home is claimed everyone waits, in order. Only who waits for an answer can be refused. */
  #admit(message: HomeMessage, asker: Asker, turn: Turn, out: Outbox): void {
    const isWaiting = this.ledger.life.phase === 'connecting' || this.#arrivals.length > 0;
    if (!isWaiting) return this.handle(message, asker, turn, out);
    if (!asker.replyTo || this.#arrivals.length < ARRIVALS_MAX) this.#arrivals.push({ message, asker });
    else out.reply(asker.replyTo, this.ledger.unavailable());
  }

  #letArrivalsIn(turn: Turn, out: Outbox): void {
    if (this.#arrivals.length === 0 || this.ledger.life.phase === 'connecting') return;
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    for (const { message, asker } of arrivals) this.handle(message, asker, turn, out);
  }

  protected handle(message: HomeMessage, asker: Asker, turn: Turn, out: Outbox): void {
    switch (message.type) {
      case 'enter':
        this.ledger.nodes.add(message.incarnation);
        return this.enter(message, asker.replyTo, turn, out);
      case 'announce':
        this.ledger.nodes.add(message.incarnation);
        return out.reply(asker.replyTo, PUBLIC);
      case 'withdraw':
        this.ledger.nodes.delete(message.incarnation);
        return;
      case 'publish':
        return this.ledger.append(message.entry, asker, turn, out);
      default:
        out.reply(asker.replyTo, {
          error: 'bad_frame',
          message: 'this channel does not do that',
        } satisfies Refusal);
    }
  }

  protected timer(timer: string, turn: Turn, out: Outbox): void {
    this.ledger.timer(timer, this.isUsed, turn, out);
  }

  protected answered(
    context: { readonly for: string },
    answer: Answer<unknown>,
    turn: Turn,
    out: Outbox,
  ): void {
    this.ledger.answered(context as LedgerContext, answer, turn, out);
  }

  protected get isUsed(): boolean {
    return this.ledger.nodes.size > 0;
  }

  /** Whether what the home needs beside the log is there; else it is read now, under the new reign. */
  protected prepare(_out: Outbox): boolean {
    return true;
  }

  /** After each message: what follows from it for the subclass. */
  protected tookTurn(_out: Outbox): void {}

  protected abstract enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Outbox): void;
}

/** What is told of a channel that is not a room. */
export const PUBLIC: Entered = { access: 'public', metadata: '{}' };
