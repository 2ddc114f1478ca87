import { channelId, type Channel } from '../../protocol/channels.ts';
import { CLOSE_CODES } from '../../protocol/codes.ts';
import { decodeRequest, type BadFrame } from '../../protocol/decode.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { closeReason, drainReason, type Feature } from '../../protocol/pushes.ts';
import type { Request } from '../../protocol/requests.ts';
import { frameWeight } from '../../protocol/size.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Answered, Behaviour, Lifecycle, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { Claims } from '../../runtime/ports/tokens.ts';
import { answerFor } from '../kit/answers.ts';
import { CLUSTER_FEATURES, STORE_FEATURES } from '../messages/connection.ts';
import type { ConnectionAddress, ConnectionMessage } from '../messages/connection.ts';
import type { Departure, PutOffReason } from '../messages/terms.ts';
import { Effects } from '../kit/effects.ts';
import { Publisher, type ChatContext } from './publisher.ts';
import {
  ack,
  refuse,
  write,
  type ConnectionContext,
  type ConnectionInit,
  type ConnectionOptions,
} from './context.ts';
import { tellScope } from './channel-asks.ts';
import { Credentials } from './credentials.ts';
import { Gate } from './gate.ts';
import * as notices from './notices.ts';
import { Outbound } from './outbound.ts';
import { Rechecks, type RecheckContext } from './permits.ts';
import { Liveness } from './liveness.ts';
import { Rates } from './rates.ts';
import { Requests, type RequestContext } from './requests.ts';
import { ViolationCounter } from '../../limits/violation-counter.ts';
import type { SubscriptionContext } from './subscription-context.ts';
import { Subscriptions } from './subscriptions.ts';

/** The purpose of an ask. It comes back with the answer. */
type AnyContext = SubscriptionContext | ChatContext | RequestContext | RecheckContext;

const NO_FEATURES: readonly Feature[] = [];

/** One client's connection: its lifecycle, its frames, its channels. */
class Connection implements ConnectionContext {
  readonly options: ConnectionOptions;
  readonly address: ConnectionAddress;
  readonly number: number;
  readonly user: string;
  readonly gate: Gate;
  readonly credentials: Credentials;
  readonly #liveness: Liveness;
  readonly #subscriptions: Subscriptions;
  // Made when they are first needed: most connections only listen.
  #madeRates: Rates | undefined;
  #madePublisher: Publisher | undefined;
  #madeRequests: Requests | undefined;
  #madeRechecks: Rechecks | undefined;
  #madeOutbound: Outbound | undefined;
  /** Frames that broke the protocol (FR2). */
  #badFrames: ViolationCounter | undefined;
  /** The features that the last `degraded` named. */
  #features = NO_FEATURES;
  /** Broadcast or the user's channel could not be reached for the welcome. */
  #isUnreached = false;
  #drainReason: string | undefined;
  #departure: Departure = 'lost';

  constructor(options: ConnectionOptions, address: string, init: ConnectionInit, turn: Turn) {
    this.options = options;
    this.address = address as ConnectionAddress;
    this.number = init.number;
    this.user = init.user;
    this.gate = new Gate(options.limits.inFlightMax);
    this.credentials = new Credentials(this.address, init, turn.now);
    this.#liveness = new Liveness(this, turn);
    this.#subscriptions = new Subscriptions(this);
  }

  get rates(): Rates {
    return (this.#madeRates ??= new Rates(this.options.limits));
  }

  get #publisher(): Publisher {
    return (this.#madePublisher ??= new Publisher(this, this.#subscriptions));
  }

  get #requests(): Requests {
    return (this.#madeRequests ??= new Requests(this, this.#subscriptions));
  }

  get #rechecks(): Rechecks {
    return (this.#madeRechecks ??= new Rechecks(this));
  }

  get #outbound(): Outbound {
    return (this.#madeOutbound ??= new Outbound(this));
  }

  chartStates(): readonly Lifecycle[] {
    return [{ chart: 'connection', state: this.#liveness.state }];
  }

  begin(turn: Turn): Effects {
    const out = new Effects();
    this.gate.hold('connecting', out);
    this.#liveness.begin(turn, out);
    this.credentials.armExpiry(turn, out);
    this.credentials.watch(out);
    this.#subscriptions.begin(out);
    out.arm('heads', this.options.limits.headsMs);
    return out;
  }

  take(message: ConnectionMessage | TimerFired | Answered<AnyContext>, turn: Turn): Effects {
    const out = new Effects();
    this.#take(message, turn, out);
    const isAnswered = this.gate.isIdle && !this.gate.isHeldFor('subscribing');
    if (this.#drainReason !== undefined && isAnswered) this.#liveness.fire('nodeDrained', turn, out);
    return out;
  }

  #take(message: ConnectionMessage | TimerFired | Answered<AnyContext>, turn: Turn, out: Effects): void {
    switch (message.type) {
      case 'frame':
        this.#liveness.heard(turn, out);
        return this.#frame(message.text, turn, out);
      case 'heard':
        return this.#liveness.machineHeard(turn, out);
      case 'abused':
        return this.#liveness.fire('abusedLimits', turn, out);
      case 'socketClosed':
        if (message.code === CLOSE_CODES.normal) this.#departure = 'left';
        return this.#liveness.fire('socketClosed', turn, out);
      case 'congested':
        return this.#outbound.congested(out);
      case 'drained':
        this.#liveness.heard(turn, out);
        return this.#outbound.drained(this.#subscriptions.table.names(), out);
      case 'measured':
        return message.why === 'liveness'
          ? this.#liveness.measured(message, turn, out)
          : this.#measured(message.readBytes, turn, out);
      case 'verified': {
        const claims = this.#requests.verified(message.call, message.verdict, out);
        return claims && this.#renew(claims, turn, out);
      }
      case 'degraded':
        if (message.among.includes('chat')) this.#isUnreached = false;
        return this.#degrade(message.among, message.features, out);
      case 'drain':
        return this.#drain(message.retryAfterMs, out);
      case 'revoked':
        return this.#liveness.fire('sessionRevoked', turn, out);
      case 'outlived':
        return this.#expireIfOver(turn, out);
      case 'sessionsRestarted':
        return this.credentials.watch(out);
      case 'evicted':
        return this.#evicted(message.channel, message.reason, out);
      case 'recheck':
        return this.#rechecks.ask(message.channel ? [message.channel] : this.#subscriptions.known, out);
      case 'greetingOver':
        return this.#subscriptions.greeted(out);
      case 'relayLost':
        // A relay that crashes cannot know whether a connection that has just left it has heard of that.
        if (this.#subscriptions.known.has(message.channel)) this.#liveness.fire('channelLost', turn, out);
        return;
      case 'timer':
        return this.#timer(message.timer, turn, out);
      case 'answer':
        return this.#answered(message.context, message.answer, turn, out);
    }
  }

  // --- frames

  #frame(text: string, turn: Turn, out: Effects): void {
    const decoded = decodeRequest(text);
    if (!decoded.ok) return this.#badFrame(decoded, text, turn, out);
    const { request } = decoded;
    if (request.type === 'heartbeat') this.#liveness.heartbeat();
    // A resume says itself where the two channels of everyone start, and may come behind the answer to a ping (HS5).
    const isPong = request.type === 'heartbeat' && request.status === 'pong';
    if (request.type !== 'resume' && !isPong) this.#subscriptions.greeted(out);
    const limited = this.rates.request(request, text, turn, out);
    if (limited === 'abuse') return this.#liveness.fire('abusedLimits', turn, out);
    if (limited === 'dropped')
      return request.type === 'signal' ? this.#requests.dropped(request, out) : undefined;
    if (limited) return refuse(this, request.id, limited, out);
    const bad = this.#request(request, turn, out);
    if (bad) this.#badFrame(bad, text, turn, out);
  }

  /** Some faults of a frame only the connection can find (FR2). */
  #request(request: Request, turn: Turn, out: Effects): BadFrame | undefined | void {
    switch (request.type) {
      case 'chat':
        return this.#publisher.chat(request, turn, out);
      case 'join':
        return this.#subscriptions.join(request, out);
      case 'leave':
        return this.#subscriptions.leave(request, out);
      case 'resume':
        return this.#subscriptions.resume(request, out);
      case 'heartbeat':
        return request.status === 'pong'
          ? ack(this, request.id, {}, out)
          : this.#heartbeat('pong', turn, out, request.id);
      default:
        return this.#requests.take(request, turn, out);
    }
  }

  #heartbeat(status: 'ping' | 'pong', turn: Turn, out: Effects, id?: string): void {
    write(this, JSON.stringify({ type: 'heartbeat', id, status, timestamp: isoTime(turn.wall) }), out);
  }

  #badFrame({ id, message, field }: BadFrame, text: string, turn: Turn, out: Effects): void {
    refuse(this, id, { error: 'bad_frame', message, ...(field === undefined ? {} : { field }) }, out);
    this.#badFrames ??= new ViolationCounter(WIRE_LIMITS.badFramesPerMinuteMax);
    if (this.#badFrames.add(turn.now, frameWeight(text))) this.#liveness.fire('misbehaved', turn, out);
  }

  /** The rights that the earlier token gave are decided anew. */
  #renew(claims: Claims, turn: Turn, out: Effects): void {
    if (this.credentials.renew(claims, turn, out)) tellScope(this, this.#subscriptions.known, out);
    this.#rechecks.ask(this.#subscriptions.known, out);
  }

  // --- lifecycle

  act(action: string, params: Readonly<Record<string, unknown>>, turn: Turn, out: Effects): void {
    switch (action) {
      case 'ping':
        this.#heartbeat('ping', turn, out);
        return this.#liveness.ping(turn, out);
      case 'tellAlive':
        return this.#subscriptions.table.tellState('alive', out);
      case 'tellSuspect':
        this.#liveness.listen(out);
        return this.#subscriptions.table.tellState('suspect', out);
      case 'close':
        return this.#close(Number(params['code']), out);
      case 'release':
        return this.#release(out);
    }
  }

  #close(code: number, out: Effects): void {
    if (notices.WITHOUT_GRACE.has(code)) this.#departure = 'gone';
    const reason = (code === CLOSE_CODES.draining && this.#drainReason) || closeReason(code);
    out.add({ type: 'close', connection: this.number, code, reason });
    out.count(`closed_${closeReason(code)}`);
  }

  #release(out: Effects): void {
    // A connection that was never welcomed was never present.
    this.#subscriptions.releaseAll(this.gate.isHeldFor('connecting') ? 'gone' : this.#departure, out);
    this.#madePublisher?.release(out);
    this.credentials.forget(out);
    out.add({ type: 'stop' });
  }

  #timer(timer: string, turn: Turn, out: Effects): void {
    switch (timer) {
      case 'greeting':
        // It goes behind the frames that wait: a request among them already says where the channels start (HS5).
        return out.tell(this.address, { type: 'greetingOver' }, 'user');
      case 'heads':
        return this.#welcome('unknown', turn, out);
      case 'resubscribe':
        return this.#subscriptions.begin(out);
      case 'stall':
        return this.#outbound.check(out);
      case 'recheck':
        return this.#rechecks.askAgain(out);
      case 'expiry':
        return this.#expireIfOver(turn, out);
      case 'drain':
        return this.#liveness.fire('nodeDrained', turn, out);
      default:
        return this.#liveness.timer(timer, turn, out);
    }
  }

  #expireIfOver(turn: Turn, out: Effects): void {
    if (this.credentials.isOver(turn, out)) this.#liveness.fire('tokenExpired', turn, out);
  }

  #measured(readBytes: number, turn: Turn, out: Effects): void {
    const found = this.#outbound.measured(readBytes, out);
    if (found === 'stuck') return this.#liveness.fire('fellBehind', turn, out);
    // A client that reads is alive, however slowly.
    if (found === 'progress') this.#liveness.heard(turn, out);
  }

  // --- welcome

  /** `unknown`: the heads could not be read in time. The welcome goes without them; the client gets them later. */
  #welcome(heads: Subscriptions['table']['heads'], turn: Turn, out: Effects): void {
    if (this.#liveness.state.phase !== 'connecting' || heads === null) return;
    out.disarm('heads');
    const { limits } = this.options;
    write(this, notices.welcomeFrame(this, heads, turn), out);
    this.#liveness.fire('welcomed', turn, out);
    out.arm('greeting', limits.greetingMs);
    this.#isUnreached = heads === 'unknown';
    if (this.#isUnreached) this.#degrade(STORE_FEATURES, STORE_FEATURES, out);
    if (!this.options.reach.isReached) this.#degrade(CLUSTER_FEATURES, CLUSTER_FEATURES, out);
    this.gate.release('connecting', out);
  }

  #degrade(among: readonly Feature[], broken: readonly Feature[], out: Effects): void {
    const features = this.#liveness.isOpen ? notices.nowBroken(this.#features, among, broken) : undefined;
    if (features) write(this, notices.degradedFrame((this.#features = features)), out);
  }

  #baseAnswered(turn: Turn, out: Effects): void {
    const { heads } = this.#subscriptions.table;
    this.#welcome(heads, turn, out);
    if (!this.#isUnreached || heads === null || heads === 'unknown') return;
    this.#isUnreached = false;
    this.#degrade(STORE_FEATURES, [], out);
    // It subscribed as `connecting`. Now its real state counts.
    if (this.#liveness.state.phase === 'alive') this.#subscriptions.table.tellState('alive', out);
  }

  // --- ends

  #evicted(channel: Channel, reason: PutOffReason, out: Effects): void {
    if (!this.#subscriptions.evicted(channel, notices.EVICTED_CODES[reason])) return;
    write(this, notices.evictedFrame(channelId(channel), this.user, reason), out);
  }

  /** Earlier requests are answered first. */
  #drain(retryAfterMs: number, out: Effects): void {
    if (this.#drainReason !== undefined) return;
    this.#drainReason = drainReason(retryAfterMs);
    this.gate.hold('draining', out);
    // A client gets nothing before its welcome (HS5). It has asked nothing yet, so the connection closes at once.
    if (!this.#liveness.isOpen) return;
    write(this, JSON.stringify({ type: 'notification', action: 'draining', data: { retryAfterMs } }), out);
    out.arm('drain', this.options.limits.drainMs);
  }

  // --- answers

  #answered(context: AnyContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    switch (context.for) {
      case 'lend':
      case 'chat':
        return this.#publisher.answered(context, answer, turn, out);
      case 'permit':
      case 'history':
      case 'presence':
      case 'create':
      case 'roomSpent':
      case 'rooms':
        return this.#requests.answered(context, answer, turn, out);
      case 'recheck':
        if (!this.#rechecks.answered(context, answerFor(context, answer), out)) return;
        this.#subscriptions.shutOut(context.next, out);
        return this.#evicted(context.next, 'removed', out);
      default:
        this.#subscriptions.answered(context, answer, out);
    }
    if (context.for === 'base') this.#baseAnswered(turn, out);
  }

  onFailure(): Effects {
    const out = new Effects();
    const code = CLOSE_CODES.internal_error;
    out.add({ type: 'close', connection: this.number, code, reason: closeReason(code) });
    this.#subscriptions.releaseAll('lost', out);
    this.credentials.forget(out);
    return out;
  }
}

export function connectionBehaviour(
  options: ConnectionOptions,
): Behaviour<Connection, ConnectionMessage, ConnectionInit, AnyContext> {
  return {
    kind: 'conn',
    // More than the smallest frames that fit into one read from a socket; reading pauses long before.
    mailboxMax: 1_024,
    // Answers to what is under way (`inFlightMax`, a `resume` of all channels), and news of its channels and its socket.
    systemMax: 1_024,
    supervision: 'stop',
    placement: 'socket',
    start: ({ address, init }, turn) => {
      const connection = new Connection(options, address, init, turn);
      return [connection, connection.begin(turn).effects];
    },
    step: (connection, message, turn) => connection.take(message, turn).effects,
    chartStates: (connection) => connection.chartStates(),
    onFailure: (connection) => connection.onFailure().effects,
  };
}
