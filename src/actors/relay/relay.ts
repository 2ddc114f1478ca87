import { channelKind, type Channel, type ChannelKind } from '../../protocol/channels.ts';
import type { Answer, Answered, ReplyTo, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import { homeAddress, type Welcomed } from '../messages/home.ts';
import { isRefusal, type DeviceState, type PutOffReason, type Refusal } from '../messages/terms.ts';
import type { Eviction, Publication, RelayMessage, Subscribe, Subscribed } from '../messages/relay.ts';
import { answerFor } from '../kit/answers.ts';
import { shardOf } from '../kit/shards.ts';
import { Effects } from '../kit/effects.ts';
import { hibernate, wake, type HibernatedRelay, type HibernatingParts } from './hibernated.ts';
import { CatchUp } from './catch-up.ts';
import { answerAt, EnterRequests, offReason, tellExit, tellLost, type Admission } from './enter-requests.ts';
import { heldAgainst, putOffBy } from './evicted.ts';
import { Fanout } from './fanout.ts';
import { Notices } from './notices.ts';
import { askPlace, foundAt, type Found, type PlaceReply } from './place.ts';
import type { ProofContext } from './proof.ts';
import { Rollback } from './rollback.ts';
import { Stream, type RelayOptions } from './stream.ts';
import {
  doubt,
  EVICTED,
  noteReset,
  reasonOf,
  settle,
  subscriberOf,
  tellRecheck,
  unreachable,
  type EnterContext,
  type RelayContext,
  type Subscriber,
} from './subscriber.ts';
import { Subscribers } from './subscribers.ts';

/**
 * One channel on one node (D9): its subscribers here, and the way from the home's publications to their sockets.
 * It lives as long as it has subscribers.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #channel: Channel;
  readonly #kind: ChannelKind;
  readonly #subscribers = new Subscribers();
  readonly #fanout = new Fanout();
  readonly #stream: Stream;
  readonly #catchUp: CatchUp;
  readonly #notices: Notices;
  readonly #rollback: Rollback;
  readonly #requests: EnterRequests;
  readonly #parts: HibernatingParts;
  /** Subscribers that wait for the head until the proof has found it. */
  readonly #unproven: Subscriber[] = [];
  #isWriting = false;
  #lastSerial: number;

  /** `small`: the state of an earlier object of this generation. */
  constructor(channel: Channel, options: RelayOptions, small?: HibernatedRelay) {
    this.#options = options;
    this.#channel = channel;
    this.#kind = channelKind(channel);
    const [subscribers, fanout] = [this.#subscribers, this.#fanout];
    const stream = (this.#stream = new Stream(channel, fanout, options));
    const catchUp = (this.#catchUp = new CatchUp(channel, options, { subscribers, fanout, stream }));
    this.#notices = new Notices({ subscribers, fanout, catchUp });
    this.#rollback = new Rollback({ subscribers, fanout, catchUp });
    this.#requests = new EnterRequests(channel, options, subscribers);
    this.#lastSerial = small?.lastSerial ?? 0;
    this.#parts = { subscribers, fanout, stream, catchUp };
    if (small) wake(small, this.#parts);
  }

  /** The state of a user's relay whose subscribers only wait. */
  hibernate(): HibernatedRelay | undefined {
    const isBusy = this.#isWriting || this.#unproven.length > 0 || !this.#rollback.isEmpty;
    return this.#kind === 'user' && !isBusy ? hibernate(this.#lastSerial, this.#parts) : undefined;
  }

  /** Continues where an earlier generation was before the step that threw, and repeats the asks that it left open. */
  follow(earlier: Relay, step: number, out: Effects): void {
    out.count('relay_restarts');
    this.#lastSerial = earlier.#lastSerial;
    tellLost(this.#rollback.follow(earlier.#rollback, step), this.#channel, out);
    for (const subscriber of this.#subscribers.all()) {
      if (this.#kind === 'room') this.#notices.owe(subscriber.connection);
      if (subscriber.unsettled) this.#requests.add(subscriber, subscriber.unsettled, out);
    }
    this.#stream.follow(earlier.#stream, earlier.#rollback.sealedBefore(step), out);
  }

  take(message: RelayMessage | TimerFired | Answered<RelayContext>, turn: Turn): Effects {
    const out = this.#rollback.begin(turn);
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
        tellExit(this.#channel, message.address, message.how, out);
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
      case 'homesMoved':
        if (message.shards.has(shardOf(this.#channel))) this.#requests.homeMoved(out);
        break;
      case 'enterRequestsWait':
        this.#requests.ask(out);
        break;
      case 'continue':
        this.#isWriting = false;
        break;
      case 'timer':
        this.#timer(message.timer, out);
        break;
      case 'answer':
        this.#answered(message.context, message.answer, out);
        break;
      default:
        this.#published(message, turn, out);
    }
    this.#write(out);
    // A subscriber that starts has missed nothing.
    const hasCaughtUp = message.type !== 'start' && this.#fanout.size > live;
    if (this.#notices.isDue(hasCaughtUp, this.#isWriting))
      out.tell(homeAddress(this.#channel), { type: 'membersAgain' });
    if (this.#subscribers.size === 0) this.#end(out);
    this.#rollback.end();
    // Another step follows, after which nothing of this one could have to be undone.
    if (this.#kind === 'user' && !this.#rollback.isEmpty && this.#subscribers.size > 0)
      out.add({ type: 'afterQueue', message: { type: 'continue' } });
    return out;
  }

  /** Writes a slice now, and the rest after the other actors had a turn. */
  #write(out: Effects): void {
    if (this.#isWriting) return;
    this.#isWriting = this.#fanout.advance(out, (batch) => this.#catchUp.sealed(batch));
    this.#catchUp.advanceAll(out);
    if (this.#isWriting) out.add({ type: 'afterQueue', message: { type: 'continue' } });
    else this.#stream.goOn(out);
  }

  #end(out: Effects): void {
    out.tell(homeAddress(this.#channel), { type: 'withdraw', incarnation: this.#options.incarnation });
    out.add({ type: 'stop' });
  }

  // --- subscribers that come

  /** A subscriber whose head is gone by now begins where the log was reset to, and gets a `reset`. */
  #start(connection: number, after: number, out: Effects): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    const { resetTo } = subscriber;
    if (after > resetTo) this.#catchUp.startReset(connection, resetTo, out);
    else this.#catchUp.start(connection, after, out);
  }

  #subscribe(request: Subscribe, asker: ReplyTo | undefined, out: Effects): void {
    const present = this.#subscribers.get(request.connection);
    if (present?.isIn) {
      // It is subscribed already, and needs the answer only.
      present.asker = asker;
      present.position = request.position;
      return this.#askPlace(present, out);
    }
    const subscriber = subscriberOf(request, ++this.#lastSerial, asker);
    this.#subscribers.add(subscriber);
    this.#requests.add(subscriber, 'enter', out);
  }

  #entered(subscriber: Subscriber, answer: Answer<Admission | Refusal>, out: Effects): void {
    if (!answer.ok) {
      tellExit(this.#channel, subscriber.address, 'gone', out);
      return this.#refuse(subscriber, unreachable(this.#options.retryAfterMs), out);
    }
    if (isRefusal(answer.body)) return this.#refuse(subscriber, answer.body, out);
    const { entered, head } = answer.body;
    subscriber.entered = entered;
    // The home names the head, or the relay reads it now that the home knows this node: a message between would be lost (D6).
    // Only the log can check a client's position: another node may own the channel by now.
    if (head === undefined || subscriber.position) return this.#askPlace(subscriber, out);
    this.#found(subscriber, { head, isOther: false, mark: undefined }, this.#stream.shown, out);
  }

  #askPlace(subscriber: Subscriber, out: Effects): void {
    askPlace(this.#channel, subscriber, { ...this.#options, shown: this.#stream.shown }, out);
  }

  #headRead(subscriber: Subscriber, answer: Answer<PlaceReply>, shown: number, out: Effects): void {
    if (!answer.ok || !answer.body.ok) {
      if (!subscriber.isIn) tellExit(this.#channel, subscriber.address, 'gone', out);
      return this.#refuse(subscriber, unreachable(this.#options.retryAfterMs), out);
    }
    this.#found(subscriber, foundAt(this.#channel, subscriber.position, answer.body.value, out), shown, out);
  }

  #found(subscriber: Subscriber, { mark, ...found }: Found, shown: number, out: Effects): void {
    const { entered } = subscriber;
    if (!entered) return;
    if (found.head < shown && !this.#stream.isProving) this.#stream.prove(out);
    if (this.#stream.isProving) return void this.#unproven.push(subscriber);
    const head = this.#stream.headRead(found.head, mark, out);
    this.#rollback.keep(subscriber);
    const resetTo = subscriber.isIn ? subscriber.resetTo : Infinity;
    const sent = this.#catchUp.sentTo(subscriber.connection) ?? this.#fanout.sealed;
    out.reply(subscriber.asker, { ...found, head, resetTo, sent, ...entered } satisfies Subscribed);
    subscriber.resetTo = Infinity;
    subscriber.asker = undefined;
    subscriber.isIn = true;
  }

  #refuse(subscriber: Subscriber, refusal: Refusal, out: Effects): void {
    out.reply(subscriber.asker, refusal);
    subscriber.asker = undefined;
    if (!subscriber.isIn) this.#remove(subscriber.connection);
  }

  // --- subscribers that go

  #remove(connection: number): void {
    const subscriber = this.#subscribers.get(connection);
    if (subscriber) this.#rollback.keep(subscriber);
    this.#subscribers.remove(connection);
    this.#fanout.remove(connection);
    this.#catchUp.remove(connection);
    this.#notices.forget(connection);
  }

  #evict(eviction: Eviction, out: Effects): void {
    for (const subscriber of putOffBy(eviction, this.#subscribers))
      this.#putOff(subscriber, eviction.reason, out);
  }

  #putOff({ connection, address, asker, isIn }: Subscriber, reason: PutOffReason, out: Effects): void {
    // A subscriber that still waits for an answer gets the reason.
    out.reply(asker, EVICTED[reason]);
    // The home may still admit it: the request is on its way, or the home has read another right.
    if (!isIn) tellExit(this.#channel, address, 'gone', out);
    this.#remove(connection);
    out.tell(address, { type: 'evicted', channel: this.#channel, reason });
  }

  // --- subscribers that stay

  /** A new token has another scope: the home decides again, also about a subscriber that waits for its first answer. */
  #scoped(connection: number, isAdmin: boolean, out: Effects): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber || subscriber.isAdmin === isAdmin || this.#kind !== 'room') return;
    if (subscriber.isIn) {
      this.#rollback.keep(subscriber);
      subscriber.isAdmin = isAdmin;
      return this.#requests.add(subscriber, isAdmin ? 'reenter' : 'demoted', out);
    }
    const anew = subscriberOf({ ...subscriber, isAdmin }, ++this.#lastSerial, subscriber.asker);
    anew.eviction = subscriber.eviction;
    this.#subscribers.add(anew);
    this.#requests.add(anew, 'enter', out);
  }

  /** A subscriber that lost a scope stays only if the home confirms its right in time (JW4). */
  #demoted(subscriber: Subscriber, answer: Answer<Admission | Refusal>, out: Effects): void {
    const reason = offReason(answer);
    // It has the scope again: the answer about that counts.
    if (subscriber.isAdmin) return;
    if (!reason) return settle(subscriber, 'demoted');
    tellExit(this.#channel, subscriber.address, 'gone', out);
    this.#putOff(subscriber, reason, out);
  }

  #device(connection: number, state: DeviceState, out: Effects): void {
    const subscriber = this.#subscribers.get(connection);
    if (!subscriber) return;
    subscriber.state = state;
    if (this.#kind === 'broadcast') return;
    out.tell(homeAddress(this.#channel), { type: 'device', address: subscriber.address, state });
  }

  #timer(timer: string, out: Effects): void {
    if (timer === 'gap') this.#stream.readAgain(out);
    this.#catchUp.fired(timer);
    this.#fanout.fired(timer, out);
    if (timer === 'reenter') this.#requests.everyone(out);
  }

  // --- messages of the home

  #published(message: Publication, turn: Turn, out: Effects): void {
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
        return this.#requests.everyone(out);
      case 'homeDeposed':
        // Another node claims the channel now, and we ask after a moment (D7). Its log may have lost what we showed (D21).
        for (const subscriber of this.#subscribers.all()) doubt(subscriber, 'reenter');
        out.arm('reenter', 500 + turn.random() * 1_000);
        return this.#stream.prove(out);
    }
  }

  #reentered(subscriber: Subscriber, answer: Answer<Admission | Refusal>, out: Effects): void {
    if (!answer.ok || (isRefusal(answer.body) && answer.body.error === 'unavailable'))
      return out.arm('reenter', this.#options.retryAfterMs);
    if (isRefusal(answer.body)) return this.#putOff(subscriber, reasonOf(answer.body), out);
    settle(subscriber, 'reenter');
  }

  #answered(context: RelayContext, answer: Answer<unknown>, out: Effects): void {
    switch (context.for) {
      case 'enter':
        return this.#admitted(context, answerFor(context, answer), out);
      case 'head': {
        const subscriber = this.#subscribers.asked(context);
        return subscriber && this.#headRead(subscriber, answerFor(context, answer), context.shown ?? 0, out);
      }
      case 'gap':
        return this.#stream.gapRead(context, answerFor(context, answer), out);
      case 'page':
        return this.#catchUp.pageRead(context, answerFor(context, answer), out);
      case 'proof':
        return this.#proofRead(context, answer, out);
    }
  }

  #proofRead(context: ProofContext, answer: Answer<unknown>, out: Effects): void {
    const { shown } = this.#stream;
    const proven = this.#stream.proofRead(context, answerFor(context, answer), out);
    if (proven?.isProven === false) {
      // The relay cannot tell where its subscribers continue: each connection ends, and the next one names its position.
      this.onFailure(out);
      for (const { connection } of [...this.#subscribers.all()]) this.#remove(connection);
    }
    if (!proven?.isProven) return;
    this.#catchUp.proven();
    if (proven.place < shown) {
      out.count('reset_rewound', this.#subscribers.size);
      noteReset(this.#subscribers.all(), proven.place);
    }
    for (const subscriber of this.#unproven.splice(0))
      if (this.#subscribers.get(subscriber.connection) === subscriber) this.#askPlace(subscriber, out);
  }

  #admitted(context: EnterContext, answer: Answer<Welcomed | Refusal>, out: Effects): void {
    if (this.#requests.isOutdated(context, answer, out)) return;
    const { of } = context;
    for (const [at, asked] of of.entries()) {
      const subscriber = this.#subscribers.asked(asked);
      if (!subscriber) continue;
      const said = heldAgainst(subscriber, answerAt(answer, at));
      if (asked.why === 'enter') this.#entered(subscriber, said, out);
      else if (asked.why === 'demoted') this.#demoted(subscriber, said, out);
      else this.#reentered(subscriber, said, out);
    }
    // The log may have entries that the old home did not publish, and lack some that it did publish (D21).
    const isAgain = of.some(({ why }) => why === 'reenter');
    if (isAgain && answer.ok && !isRefusal(answer.body)) this.#stream.prove(out);
  }

  /** Tells the subscribers that their places in the channel are lost, and the home that this relay is gone. */
  onFailure(out = new Effects()): Effects {
    tellLost(this.#rollback.everyone(), this.#channel, out);
    out.tell(homeAddress(this.#channel), { type: 'withdraw', incarnation: this.#options.incarnation });
    return out;
  }
}
