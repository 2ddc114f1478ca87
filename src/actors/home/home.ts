import type { Channel } from '../../protocol/channels.ts';
import type {
  Answer,
  Answered,
  StartContext,
  Lifecycle,
  ReplyTo,
  TimerFired,
  Turn,
} from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Enter, Entered, HomeMessage, Welcomed } from '../messages/home.ts';
import type { Refusal } from '../messages/terms.ts';
import { DRAIN, VIEW } from '../messages/node.ts';
import { Effects } from '../kit/effects.ts';
import { ownerIn } from '../kit/shards.ts';
import type { AllowanceLimits } from './allowance.ts';
import { ChannelWriter } from './channel-writer.ts';
import type { WriterLimits } from './writer-limits.ts';
import type { HibernatedWriter } from './writer-state.ts';
import type { Asker } from './pending.ts';

export interface HomeOptions {
  readonly incarnation: Incarnation;
  readonly writer: WriterLimits;
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
 * The one actor that orders and appends a channel. This class has the common part of rooms, users and
 * broadcast; the subclasses know what a device means. `Context`: the contexts of its questions, the writer's among them.
 */
export abstract class Home<Context> {
  protected readonly options: HomeOptions;
  protected readonly writer: ChannelWriter;
  #arrivals: Arrival[] = [];
  #leaving: 'no' | 'at once' | 'when it can' = 'no';
  /** The channel's next life is on this node too. */
  #isBack = false;
  #isDoubtful = false;

  constructor(options: HomeOptions, turn: Turn, small?: HibernatedWriter) {
    this.options = options;
    this.writer = new ChannelWriter(turn.self as Channel, options.writer, turn, small);
  }

  chartStates(): readonly Lifecycle[] {
    return this.writer.chartStates();
  }

  get channel(): Channel {
    return this.writer.channel;
  }

  begin(context: StartContext, turn: Turn): Effects {
    const out = new Effects();
    // A new generation after a crash knows no device: devices that are present join again.
    if (context.restarted) out.publish(this.channel, 'all', { type: 'homeStarted' });
    if (this.options.writer.isPlaced) out.tell(VIEW, { type: 'homeBegan', channel: this.channel });
    this.writer.claim(turn, out);
    return out;
  }

  take(message: HomeMessage | TimerFired | Answered<Context>, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'appended':
        this.writer.appended(message.results, turn, out);
        break;
      case 'logRestarted':
      case 'timelineChanged':
        this.writer.logDoubted(message.type, turn, out);
        break;
      case 'storeBack':
        this.writer.storeBack(turn, out);
        break;
      case 'drain':
        this.#leave(out);
        break;
      case 'placed':
        this.#placed(ownerIn(message.view, this.channel) === this.options.incarnation, out);
        break;
      case 'nodeDoubted':
        this.#isDoubtful = message.isDoubtful;
        break;
      case 'timer':
        this.timer(message.timer, turn, out);
        break;
      case 'answer':
        this.answered(message.context, message.answer, turn, out);
        break;
      default:
        this.#admit(message, { replyTo: turn.replyTo, deadline: turn.deadline }, turn, out);
    }
    if (this.writer.state.is === 'claimed') this.prepare(turn, out);
    this.#letArrivalsIn(turn, out);
    this.tookTurn(turn, out);
    this.#leaveIfAtRest(out);
    return out;
  }

  /**
   * Where the channel's home lives now. If that is elsewhere, this one finishes the messages that it has taken; those that still
   * wait go to the new home. It goes through with that even if the view names its node again meanwhile.
   */
  #placed(isHere: boolean, out: Effects): void {
    if (!isHere && this.#leaving === 'no') out.add({ type: 'hold' });
    if (!isHere) this.#leave(out);
    this.#isBack = isHere && this.isLeaving;
  }

  /** The drain's actor hears of homes that cannot stop at once, and again when they do. */
  #leave(out: Effects): void {
    if (this.#leaving !== 'no') return;
    this.#leaving = this.isAtRest ? 'at once' : 'when it can';
    if (this.#leaving === 'when it can') out.tell(DRAIN, { type: 'homeBusy', channel: this.channel });
  }

  #leaveIfAtRest(out: Effects): void {
    if (this.#leaving === 'no' || !this.isAtRest) return;
    this.writer.drain(out);
    // Relays have joined this life since the view named its node again, and the next life knows none of them.
    if (this.#isBack) out.publish(this.channel, 'all', { type: 'homeStarted' });
    if (this.#leaving === 'when it can') out.tell(DRAIN, { type: 'homeStopped', channel: this.channel });
  }

  /** It ends as soon as it can. */
  protected get isLeaving(): boolean {
    return this.#leaving !== 'no';
  }

  /** No accepted message waits. */
  protected get isAtRest(): boolean {
    return this.writer.isQuiet && this.#arrivals.length === 0;
  }

  /** The state of the writer from which the home can be made again. Undefined while anything is under way. */
  protected hibernateWriter(): HibernatedWriter | undefined {
    const isBusy = this.#leaving !== 'no' || this.#isDoubtful || this.#arrivals.length > 0;
    return isBusy ? undefined : this.writer.hibernate();
  }

  /** Messages wait, in order, until the home has begun. The queue is bounded for asks only: a tell cannot be refused. */
  #admit(message: HomeMessage, asker: Asker, turn: Turn, out: Effects): void {
    if (this.#isDoubtful && asker.replyTo) return out.reply(asker.replyTo, this.writer.unavailable());
    const isWaiting = !this.writer.hasBegun || this.#arrivals.length > 0;
    if (!isWaiting) return this.handle(message, asker, turn, out);
    if (!asker.replyTo || this.#arrivals.length < ARRIVALS_MAX) this.#arrivals.push({ message, asker });
    else out.reply(asker.replyTo, this.writer.unavailable());
  }

  #letArrivalsIn(turn: Turn, out: Effects): void {
    if (this.#arrivals.length === 0 || !this.writer.hasBegun) return;
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    for (const { message, asker } of arrivals) {
      // It has ended before it began: another node has the channel.
      if (this.writer.state.is === 'stopped') out.reply(asker.replyTo, this.writer.unavailable());
      else this.handle(message, asker, turn, out);
    }
  }

  protected handle(message: HomeMessage, asker: Asker, turn: Turn, out: Effects): void {
    switch (message.type) {
      case 'enter':
        this.writer.nodes.add(message.incarnation);
        return this.enter(message, asker.replyTo, turn, out);
      case 'withdraw':
        this.writer.nodes.delete(message.incarnation);
        return;
      case 'publish':
        return this.writer.append(message.entry, asker, turn, out);
      default:
        out.reply(asker.replyTo, {
          error: 'bad_frame',
          message: 'this channel does not do that',
        } satisfies Refusal);
    }
  }

  /** The answer to devices whose node is among those that hear publications by now. */
  protected welcome(devices: readonly (Entered | Refusal)[]): Welcomed {
    return { devices, head: this.writer.certainHead };
  }

  protected timer(timer: string, turn: Turn, out: Effects): void {
    this.writer.timer(timer, this.isUsed(turn), turn, out);
  }

  protected abstract answered(context: Context, answer: Answer<unknown>, turn: Turn, out: Effects): void;

  protected isUsed(_turn: Turn): boolean {
    return this.writer.nodes.size > 0;
  }

  /** The channel is claimed. A home that needs something beside the log reads it now. */
  protected prepare(turn: Turn, out: Effects): void {
    this.writer.prepared(turn, out);
  }

  /** After each message: what follows from it for the subclass. */
  protected tookTurn(_turn: Turn, _out: Effects): void {}

  protected abstract enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Effects): void;
}
