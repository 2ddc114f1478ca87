import { channelKind, type Channel, type ChannelKind } from '../../protocol/channels.ts';
import type { Answer, Answered, Behaviour, ReplyTo, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { Place } from '../../runtime/ports/log-store.ts';
import {
  homeAddress,
  isRefusal,
  type Departure,
  type DeviceState,
  type Entered,
  type LogReply,
  type OffReason,
  type PageReply,
  type Publication,
  type Refusal,
  type RelayMessage,
  type Subscribe,
  type Subscribed,
} from '../messages.ts';
import { Outbox } from '../outbox.ts';
import { CatchUp } from './catch-up.ts';
import { Fanout } from './fanout.ts';
import { Notices } from './notices.ts';
import { askPlace, foundAt } from './place.ts';
import type { ProofContext } from './proof.ts';
import { Stream, type RelayOptions } from './stream.ts';
import {
  DEMOTED_MS,
  EVICTED,
  reasonOf,
  subscriberOf,
  tellLost,
  tellRecheck,
  unreachable,
  type RelayContext,
  type Subscriber,
  type SubscriberContext,
} from './subscriber.ts';
import { Subscribers } from './subscribers.ts';
import { LazyMap } from '../lazy.ts';

/**
 * One channel on one node (D9): its subscribers here, and the way from the home's publications to their sockets.
 * It lives as long as it has subscribers.
 */
class Relay {
  readonly #options: RelayOptions;
  readonly #channel: Channel;
  readonly #kind: ChannelKind;
  readonly #subscribers = new Subscribers();
  /** Who was in, and was removed in the last step: if that threw, nobody has heard of it. */
  readonly #leaving = new LazyMap<number, Subscriber>();
  readonly #fanout = new Fanout();
  readonly #stream: Stream;
  readonly #catchUp: CatchUp;
  readonly #notices: Notices;
  /** Who is told how far the log goes once that is known again. */
  readonly #unproven: Subscriber[] = [];
  #isWriting = false;
  #lastSerial = 0;

  constructor(channel: Channel, options: RelayOptions) {
    this.#options = options;
    this.#channel = channel;
    this.#kind = channelKind(channel);
    this.#stream = new Stream(channel, this.#fanout, options);
    const parts = { subscribers: this.#subscribers, fanout: this.#fanout };
    this.#catchUp = new CatchUp(channel, options, { ...parts, stream: this.#stream });
    this.#notices = new Notices({ ...parts, catchUp: this.#catchUp });
  }

  take(message: RelayMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    this.#leaving.clear();
    const live = this.#fanout.size;
    switch (message.type) {
      case 'subscribe':
        this.#subscribe(message, turn.replyTo, out);
        break;
      case 'start':
        this.#start(message.connection, message.after, out);
        break;
      case 'unsubscribe':
        this.#remove(message.connection);
        this.#tellExit(message.address, message.how, out);
        out.reply(turn.replyTo, {});
        break;
      case 'device':
        this.#device(message.connection, message.state, out);
        break;
      case 'scope':
        this.#scoped(message.connection, message.isAdmin, out);
        break;
      case 'catchUp':
        this.#catchUp.resume(message.connection, out);
        break;
      case 'refused':
        this.#notices.refused(message.connections, message.first);
        break;
      case 'logMoved':
      case 'timelineChanged':
        this.#stream.prove(out);
        break;
      case 'continue':
        this.#isWriting = false;
        break;
      case 'timer':
        this.#timer(message.timer, out);
        break;
      case 'answer':
        this.#answered(message.context as RelayContext, message.answer, out);
        break;
      default:
        this.#published(message, turn, out);
    }
    this.#write(out);
    // One that starts has missed nothing.
    const hasCaughtUp = message.type !== 'start' && this.#fanout.size > live;
    if (this.#notices.isDue(hasCaughtUp, this.#isWriting))
      out.tell(homeAddress(this.#channel), { type: 'membersAgain' });
    if (this.#subscribers.size === 0) this.#end(out);
    return out;
  }

  /** A slice now; the rest after everyone else had a turn. */
  #write(out: Outbox): void {
    if (this.#isWriting) return;
    this.#isWriting = this.#fanout.advance(out, (batch) => this.#catchUp.sealed(batch));
    this.#catchUp.advanceAll(out);
    if (this.#isWriting) out.add({ type: 'soon', message: { type: 'continue' } });
    else this.#stream.goOn(out);
  }

  #end(out: Outbox): void {
    out.tell(homeAddress(this.#channel), { type: 'withdraw', incarnation: this.#options.incarnation });
    out.add({ type: 'stop' });
  }

  // --- coming

  /** What it was told may be gone by now: then it begins where the log was reset to, and is told so. */
  #start(connection: number, after: number, out: Outbox): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    const { rewinds, resetTo } = this.#stream;
    const isGone = subscriber.toldAt < rewinds && after > resetTo;
    if (isGone) this.#catchUp.startReset(connection, resetTo, out);
    else this.#catchUp.start(connection, after, out);
  }

  #subscribe(who: Subscribe, asker: ReplyTo | undefined, out: Outbox): void {
    const known = this.#subscribers.get(who.connection);
    if (known?.isIn) {
      // It is here already: it asks again only to be told so.
      known.asker = asker;
      known.position = who.position;
      return this.#askPlace(known, out);
    }
    const subscriber = subscriberOf(who, ++this.#lastSerial, asker);
    this.#subscribers.add(subscriber);
    this.#enter(subscriber, 'enter', out);
  }

  #enter(subscriber: Subscriber, why: 'enter' | 'reenter' | 'demoted', out: Outbox): void {
    const { connection, serial, address, user, isAdmin, state, entered } = subscriber;
    const { incarnation } = this.#options;
    const deadlineMs = why === 'demoted' ? DEMOTED_MS : this.#options.deadlineMs;
    // Nobody is present on broadcast: the node alone is announced.
    const announce = { type: 'announce', incarnation } as const;
    const isAgain = entered !== undefined;
    const enter = { type: 'enter', incarnation, address, user, isAdmin, state, isAgain } as const;
    const message = this.#kind === 'broadcast' ? announce : enter;
    out.ask(homeAddress(this.#channel), message, {
      deadlineMs,
      context: { for: why, connection, serial } satisfies RelayContext,
    });
  }

  #entered(subscriber: Subscriber, answer: Answer<Entered | Refusal>, out: Outbox): void {
    if (!answer.ok) {
      this.#tellExit(subscriber.address, 'gone', out);
      return this.#refuse(subscriber, unreachable(this.#options.retryAfterMs), out);
    }
    if (isRefusal(answer.body)) return this.#refuse(subscriber, answer.body, out);
    subscriber.entered = answer.body;
    // The head is read after the home knows of us, or a message between the two would be lost (D6).
    this.#askPlace(subscriber, out);
  }

  #askPlace(subscriber: Subscriber, out: Outbox): void {
    askPlace(this.#channel, subscriber, { ...this.#options, shown: this.#stream.shown }, out);
  }

  #headRead(
    subscriber: Subscriber,
    answer: Answer<LogReply<number | Place>>,
    shown: number,
    out: Outbox,
  ): void {
    if (!subscriber.entered) return;
    if (!answer.ok || !answer.body.ok) {
      if (!subscriber.isIn) this.#tellExit(subscriber.address, 'gone', out);
      return this.#refuse(subscriber, unreachable(this.#options.retryAfterMs), out);
    }
    const { mark, ...found } = foundAt(this.#channel, subscriber.position, answer.body.value, out);
    if (found.head < shown && !this.#stream.isProving) this.#stream.prove(out);
    if (this.#stream.isProving) return void this.#unproven.push(subscriber);
    const head = this.#stream.headRead(found.head, mark, out);
    subscriber.toldAt = this.#stream.rewinds;
    out.reply(subscriber.asker, { ...found, head, ...subscriber.entered } satisfies Subscribed);
    subscriber.asker = undefined;
    subscriber.isIn = true;
  }

  #refuse(subscriber: Subscriber, refusal: Refusal, out: Outbox): void {
    out.reply(subscriber.asker, refusal);
    subscriber.asker = undefined;
    if (!subscriber.isIn) this.#remove(subscriber.connection);
  }

  // --- going

  #remove(connection: number): void {
    const subscriber = this.#subscribers.get(connection);
    if (subscriber?.isIn) this.#leaving.set(connection, subscriber);
    this.#subscribers.remove(connection);
    this.#fanout.remove(connection);
    this.#catchUp.remove(connection);
    this.#notices.forget(connection);
  }

  #tellExit(address: string, how: Departure, out: Outbox): void {
    if (this.#kind !== 'broadcast') out.tell(homeAddress(this.#channel), { type: 'exit', address, how });
  }

  #evict({ users, butFor = [], spares, reason }: Publication & { type: 'evict' }, out: Outbox): void {
    const stay = new Set(butFor);
    const named = users ? users.flatMap((user) => [...this.#subscribers.of(user)]) : this.#subscribers.all();
    for (const subscriber of [...named]) {
      if (stay.has(subscriber.user) || (subscriber.isAdmin && spares === 'admins')) continue;
      this.#putOff(subscriber, reason, out);
    }
  }

  #putOff({ connection, address, asker, isIn }: Subscriber, reason: OffReason, out: Outbox): void {
    // Who is still waiting to be let in is told why he is not.
    out.reply(asker, EVICTED[reason]);
    // His home may let him in yet: it has not heard of him, or has another right in mind.
    if (!isIn) this.#tellExit(address, 'gone', out);
    this.#remove(connection);
    out.tell(address, { type: 'evicted', channel: this.#channel, reason });
  }

  // --- staying

  /** Another token, another right: the home decides anew, on who is being let in as well. */
  #scoped(connection: number, isAdmin: boolean, out: Outbox): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber || subscriber.isAdmin === isAdmin || this.#kind !== 'room') return;
    if (subscriber.isIn) {
      subscriber.isAdmin = isAdmin;
      return this.#enter(subscriber, isAdmin ? 'reenter' : 'demoted', out);
    }
    const anew = subscriberOf({ ...subscriber, isAdmin }, ++this.#lastSerial, subscriber.asker);
    this.#subscribers.add(anew);
    this.#enter(anew, 'enter', out);
  }

  /** Without a scope that it had: in only if that is certain, and soon (JW4). */
  #demoted(subscriber: Subscriber, answer: Answer<Entered | Refusal>, out: Outbox): void {
    const isIn = answer.ok && !isRefusal(answer.body);
    // It has the scope again: what is said of that counts.
    if (isIn || subscriber.isAdmin) return;
    this.#tellExit(subscriber.address, 'gone', out);
    this.#putOff(subscriber, 'removed', out);
  }

  #device(connection: number, state: DeviceState, out: Outbox): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    subscriber.state = state;
    if (this.#kind === 'broadcast') return;
    out.tell(homeAddress(this.#channel), { type: 'device', address: subscriber.address, state });
  }

  #timer(timer: string, out: Outbox): void {
    if (timer === 'gap') this.#stream.readAgain(out);
    this.#catchUp.fired(timer);
    this.#fanout.fired(timer, out);
    if (timer === 'reenter') this.#reenterAll(out);
  }

  // --- the home's word

  #published(message: Publication, turn: Turn, out: Outbox): void {
    switch (message.type) {
      case 'published':
        return this.#stream.published(message.entries, out);
      case 'head':
        return this.#stream.heardOf(message.head, out);
      case 'signal':
        return this.#notices.signal(message.frame, message.from);
      case 'members':
        return this.#notices.members(message);
      case 'roster':
        return this.#notices.roster(message.room, message.moves);
      case 'evict':
        return this.#evict(message, out);
      case 'recheck':
        return tellRecheck(this.#subscribers.all(), this.#channel, message.user, out);
      case 'rewound':
        return this.#stream.prove(out);
      case 'homeStarted':
        return this.#reenterAll(out);
      case 'homeDeposed':
        // Another node claims it now, and we ask after a moment (D7). What it claims may have lost what was shown (D21).
        out.arm('reenter', 500 + turn.random() * 1_000);
        return this.#stream.prove(out);
    }
  }

  /** A new life of the home knows nobody: everyone whom an earlier one let in says again that he is here. */
  #reenterAll(out: Outbox): void {
    for (const subscriber of this.#subscribers.all())
      if (subscriber.entered) this.#enter(subscriber, 'reenter', out);
  }

  #reentered(subscriber: Subscriber, answer: Answer<Entered | Refusal>, out: Outbox): void {
    if (!answer.ok || (isRefusal(answer.body) && answer.body.error === 'unavailable'))
      return out.arm('reenter', this.#options.retryAfterMs);
    if (isRefusal(answer.body)) return this.#putOff(subscriber, reasonOf(answer.body), out);
    // What the old home has stored and not published is in the log, and what it has published may not be (D21).
    this.#stream.prove(out);
  }

  #answered(context: RelayContext, answer: Answer<unknown>, out: Outbox): void {
    switch (context.for) {
      case 'enter':
      case 'reenter':
      case 'demoted':
      case 'head':
        return this.#answeredFor(context, answer, out);
      case 'gap':
        return this.#stream.gapRead(context, answer as Answer<PageReply>, out);
      case 'page':
        return this.#catchUp.pageRead(context, answer as Answer<PageReply>, out);
      case 'proof':
        return this.#proofRead(context, answer, out);
    }
  }

  #proofRead(context: ProofContext, answer: Answer<unknown>, out: Outbox): void {
    const { rewinds } = this.#stream;
    const proven = this.#stream.proofRead(context, answer, out);
    if (proven?.isProven === false) {
      // Nobody here can tell where anyone goes on: each connection ends, and the next one says what its client has seen.
      this.lastWords(out);
      for (const { connection } of [...this.#subscribers.all()]) this.#remove(connection);
    }
    if (!proven?.isProven) return;
    this.#catchUp.proven();
    if (this.#stream.rewinds > rewinds) out.count('reset_rewound', this.#subscribers.size);
    for (const subscriber of this.#unproven.splice(0))
      if (this.#subscribers.get(subscriber.connection) === subscriber) this.#askPlace(subscriber, out);
  }

  #answeredFor(context: SubscriberContext, answer: Answer<unknown>, out: Outbox): void {
    const subscriber = this.#subscribers.get(context.connection);
    if (subscriber?.serial !== context.serial) return;
    if (context.for === 'head')
      return this.#headRead(subscriber, answer as Answer<LogReply<number | Place>>, context.shown ?? 0, out);
    const entered = answer as Answer<Entered | Refusal>;
    if (context.for === 'enter') this.#entered(subscriber, entered, out);
    else if (context.for === 'demoted') this.#demoted(subscriber, entered, out);
    else this.#reentered(subscriber, entered, out);
  }

  /** Whose place in the channel is lost with this actor. */
  lastWords(out = new Outbox()): Outbox {
    tellLost([...this.#leaving.values(), ...this.#subscribers.all()], this.#channel, out);
    out.tell(homeAddress(this.#channel), { type: 'withdraw', incarnation: this.#options.incarnation });
    return out;
  }
}

export function relayBehaviour(options: RelayOptions): Behaviour<Relay, RelayMessage> {
  return {
    kind: 'relay',
    mailboxMax: 1_024,
    supervision: 'stop',
    placement: 'node',
    start: ({ id }) => [new Relay(id as Channel, options), []],
    step: (relay, message, turn) => relay.take(message, turn).effects,
    lastWords: (relay) => relay.lastWords().effects,
  };
}
