import { roomChannel, userChannel, type Channel } from '../../protocol/channels.ts';
import type { SocketErrorCode } from '../../protocol/codes.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import type { Position, RequestOf } from '../../protocol/requests.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import { isRefusal, type Departure, type DeviceState, type Refusal } from '../messages/terms.ts';
import type { Subscribed } from '../messages/relay.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import { isPlainIn, positionOf, seqToProve } from '../kit/positions.ts';
import { ChannelTable } from './channel-table.ts';
import { askToLeave, placeLate, subscribe, unsubscribe } from './channel-asks.ts';
import { ack, NOT_JOINED, refuse, unavailable, type ConnectionContext } from './context.ts';
import { Entrance, SHUT } from './entrance.ts';
import { isAsked } from './permits.ts';
import { placeIn, Resume, wantedChannels, type Wanted } from './resume.ts';
import {
  channelOf,
  type AuthorizeContext,
  type BaseContext,
  type EnteringContext,
  type JoinContext,
  type LeaveContext,
  type ResumeContext,
  type SubscriptionContext,
} from './subscription-context.ts';
import { LazyMap } from '../kit/lazy.ts';
import { SmallSet } from '../kit/small.ts';

/**
 * The channels of one connection: `broadcast` and the user's own from the beginning, rooms as they are joined.
 * Requests that change them are taken one at a time, in order; frames behind them wait.
 */
export class Subscriptions {
  readonly #context: ConnectionContext;
  readonly #channels: ChannelTable;
  /** Channels that it has asked for and may still be on. A step that throws does not take that back. */
  readonly #known = new SmallSet<Channel>();
  /** Made when the application is asked. */
  #entrance: Entrance | undefined;
  /** Where a client wanted to go on when a channel could not be reached: there it goes on once it can. */
  readonly #wantedLater = new LazyMap<Channel, Position>();
  #isGreeting = true;
  #resume: Resume | undefined;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#channels = new ChannelTable(context.number, userChannel(context.user));
  }

  /** The channels that it is on, for reading. */
  get table(): Pick<ChannelTable, 'heads' | 'names' | 'isJoined' | 'onlyRoom' | 'tellState'> {
    return this.#channels;
  }

  // --- the two channels of everyone

  /** Also later, for those that could not be reached. */
  begin(out: Effects): void {
    for (const channel of this.#channels.base) if (!this.#channels.has(channel)) this.#askBase(channel, out);
  }

  #askBase(channel: Channel, out: Effects): void {
    this.#channels.asking(channel);
    this.#ask({ for: 'base', channel, position: this.#wantedLater.get(channel) }, 'connecting', out);
  }

  #ask(context: EnteringContext, state: DeviceState, out: Effects): void {
    this.#known.add(channelOf(context));
    this.#entrance?.asking(channelOf(context));
    subscribe(this.#context, context, state, out);
  }

  #enter(next: AuthorizeContext['next'], isIn: boolean, out: Effects): void {
    if (isIn || !isAsked(this.#context)) return this.#ask(next, 'alive', out);
    (this.#entrance ??= new Entrance(this.#context)).enter(next, out);
  }

  #entered(context: AuthorizeContext['next'], reply: Subscribed | Refusal, out: Effects): void {
    if (context.for === 'join') this.#joined(context, reply, out);
    else this.#resumed(context, reply, out);
  }

  /** The first request has come, or its time is over: channels that it did not name start at their heads (HS5). */
  greeted(out: Effects): void {
    if (!this.#isGreeting) return;
    this.#isGreeting = false;
    for (const channel of this.#channels.base) {
      const subscription = this.#channels.get(channel);
      if (subscription?.stage === 'ready') this.#channels.start(channel, subscription.head, out);
    }
  }

  #baseAnswered({ channel, position }: BaseContext, reply: Subscribed | Refusal, out: Effects): void {
    if (isRefusal(reply)) {
      this.#channels.off(channel);
      out.arm('resubscribe', this.#context.options.limits.retryAfterMs);
      return;
    }
    const wanted = this.#wantedLater.get(channel);
    // The client has said only meanwhile where it is.
    if (wanted !== position && seqToProve(wanted) !== undefined) return this.#askBase(channel, out);
    this.#channels.ready(channel, reply);
    // A resume under way says first what becomes of each channel.
    if (!this.#isGreeting && !this.#resume) this.#startLate(channel, out);
  }

  /** One of the two channels, which could not be reached before: on from where the client wanted to go on. */
  #startLate(channel: Channel, out: Effects): void {
    const subscription = this.#channels.get(channel);
    if (subscription?.stage !== 'ready') return;
    const wanted = this.#wantedLater.get(channel);
    this.#wantedLater.delete(channel);
    const after = placeLate(this.#context, { channel, found: subscription, position: wanted }, out);
    this.#channels.start(channel, after, out);
  }

  // --- join

  join(request: RequestOf<'join'>, out: Effects): void {
    const channel = roomChannel(request.room);
    if (!this.#channels.has(channel) && this.#channels.rooms >= this.#roomsMax) {
      const message = `a connection may join ${this.#roomsMax} rooms`;
      return refuse(this.#context, request.id, { error: 'limit_reached', message }, out);
    }
    this.#context.gate.hold('subscribing', out);
    const position = positionOf(request.since, request.log, this.#context.options.log());
    this.#enter({ for: 'join', request, position }, this.#channels.has(channel), out);
  }

  #joined({ request: { id, room }, position }: JoinContext, reply: Subscribed | Refusal, out: Effects): void {
    const channel = roomChannel(room);
    this.#context.gate.release('subscribing', out);
    if (isRefusal(reply)) return refuse(this.#context, id, reply, out);
    const { access, metadata } = reply;
    const fields = { room, access, metadata: JSON.parse(metadata) as unknown };
    if (this.#channels.has(channel)) {
      const already = this.#channels.alreadyOn(channel, position, reply);
      return ack(this.#context, id, { ...fields, ...already }, out);
    }
    const { after, ...place } = placeIn(reply, position, this.#context.options.limits.replayMax);
    this.#channels.ready(channel, reply);
    ack(this.#context, id, { ...fields, ...place }, out);
    this.#channels.start(channel, after, out);
  }

  get #roomsMax(): number {
    return this.#context.options.limits.roomsMax || Infinity;
  }

  // --- resume

  /** Undefined, or why the frame is refused. */
  resume(request: RequestOf<'resume'>, out: Effects): BadFrame | undefined {
    const { user, options, gate } = this.#context;
    const wanted = wantedChannels(request, user, options.log());
    if ('ok' in wanted) return wanted;
    const resume = new Resume(request.id, options.limits.replayMax);
    this.#resume = resume;
    gate.hold('subscribing', out);
    for (const channel of wanted) this.#resumeOne(channel, resume, out);
    this.greeted(out);
    this.#resumedIfDone(resume, out);
    return undefined;
  }

  #resumeOne(wanted: Wanted, resume: Resume, out: Effects): void {
    const { name, channel, position } = wanted;
    const subscribed = this.#channels.get(channel);
    if (subscribed?.stage === 'ready') {
      // It has its place now: the greeting has nothing to say about it any more.
      subscribed.stage = 'on';
      if (isPlainIn(position, subscribed.head)) return resume.place(wanted, subscribed);
      // The log is to be asked about it, or the client has from elsewhere what was stored since the welcome.
      resume.asking(false);
      return this.#ask({ for: 'resume', wanted, isNew: false, isPlaced: false }, 'alive', out);
    }
    if (this.#channels.base.includes(channel) && subscribed?.stage !== 'on') {
      // It could not be reached before the welcome and is being asked for again; it will start where this says.
      this.#wantedLater.set(channel, position);
      return resume.reply(name, { error: 'unavailable' });
    }
    const isNew = !subscribed;
    if (isNew && this.#channels.rooms + resume.newRooms >= this.#roomsMax)
      return resume.reply(name, { error: 'limit_reached' });
    resume.asking(isNew);
    this.#enter({ for: 'resume', wanted, isNew, isPlaced: !isNew }, !isNew, out);
  }

  #resumed(context: ResumeContext, reply: Subscribed | Refusal, out: Effects): void {
    const { wanted, isNew, isPlaced } = context;
    const resume = this.#resume;
    if (!resume) return;
    resume.answered(isNew, out);
    if (isRefusal(reply)) this.#notResumed(context, reply, resume, out);
    else if (isPlaced)
      resume.reply(wanted.name, this.#channels.alreadyOn(wanted.channel, wanted.position, reply));
    else {
      if (isNew) this.#channels.ready(wanted.channel, reply);
      resume.place(wanted, reply);
    }
    this.#resumedIfDone(resume, out);
  }

  #notResumed(context: ResumeContext, refusal: Refusal, resume: Resume, out: Effects): void {
    const { wanted, isNew, isPlaced } = context;
    const { name, channel, position } = wanted;
    const known = this.#channels.get(channel);
    // It is live all the same. Its head is not known now, but the range before its start is.
    if (isPlaced && known && !position.mustBeProven)
      return resume.reply(name, this.#channels.beganWith(channel, position));
    resume.reply(name, { error: refusal.error });
    if (isNew) return;
    // Live messages may come behind one that is not in the log any more: it ends, and the next one says where it is.
    if (isPlaced) return out.tell(this.#context.address, { type: 'relayLost', channel });
    // One of the two channels of everyone: it goes on from where the client is as soon as its head is known.
    this.#channels.off(channel);
    this.#wantedLater.set(channel, position);
    out.arm('resubscribe', this.#context.options.limits.retryAfterMs);
  }

  #resumedIfDone(resume: Resume, out: Effects): void {
    if (!resume.isDone) return;
    this.#resume = undefined;
    ack(this.#context, resume.id, { channels: resume.replies }, out);
    for (const { channel, after } of resume.starts) this.#channels.start(channel, after, out);
    for (const channel of this.#channels.base) this.#startLate(channel, out);
    this.#context.gate.release('subscribing', out);
  }

  // --- leave

  leave(request: RequestOf<'leave'>, out: Effects): void {
    const channel = roomChannel(request.room);
    if (!this.#channels.off(channel)) return refuse(this.#context, request.id, NOT_JOINED, out);
    this.#context.gate.hold('subscribing', out);
    askToLeave(this.#context, { for: 'leave', request }, out);
  }

  /** Put off a channel; false when it was not on it. */
  evicted(channel: Channel, error: SocketErrorCode): boolean {
    this.#resume?.evicted(channel, error);
    this.#known.delete(channel);
    return this.#channels.off(channel);
  }

  /** The application does not allow it any more in a room that it is in, or is about to be in. */
  shutOut(channel: Channel, out: Effects): void {
    this.#entrance?.shut(channel);
    if (this.#channels.has(channel)) unsubscribe(this.#context, channel, 'gone', out);
  }

  /** Channels whose relay may have it. */
  get known(): Pick<SmallSet<Channel>, 'has'> & Iterable<Channel> {
    return this.#known;
  }

  /** The connection is over. */
  releaseAll(how: Departure, out: Effects): void {
    for (const channel of this.#known) unsubscribe(this.#context, channel, how, out);
  }

  // --- answers

  answered(context: SubscriptionContext, received: Answer<unknown>, out: Effects): void {
    if (context.for === 'authorize') {
      const found = this.#entrance?.authorized(context, answerFor(context, received), out);
      if (found === 'in') this.#ask(context.next, 'alive', out);
      else if (found) this.#entered(context.next, found, out);
      return;
    }
    const channel = channelOf(context);
    const isShut = this.#entrance?.answered(channel) ?? false;
    if (isShut) unsubscribe(this.#context, channel, 'gone', out);
    if (context.for === 'leave') return this.#left(context, channel, isShut || received.ok, out);
    const answer = isShut ? SHUT : answerFor(context, received);
    const reply = answer.ok ? answer.body : unavailable(this.#context);
    const isOff = !this.#channels.has(channel);
    if (answer.ok && isRefusal(answer.body) && isOff) this.#known.delete(channel);
    // The relay may still let this connection in, which no longer waits: then a user would be present who is not.
    if (!answer.ok && (isOff || context.for === 'base')) unsubscribe(this.#context, channel, 'gone', out);
    if (context.for === 'base') this.#baseAnswered(context, reply, out);
    else this.#entered(context, reply, out);
  }

  #left({ request: { id, room } }: LeaveContext, channel: Channel, hasAnswer: boolean, out: Effects): void {
    if (hasAnswer) this.#known.delete(channel);
    else if (!this.#channels.has(channel)) unsubscribe(this.#context, channel, 'gone', out);
    this.#context.gate.release('subscribing', out);
    ack(this.#context, id, { room }, out);
  }
}
