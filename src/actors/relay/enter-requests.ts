import { channelKind, type Channel } from '../../protocol/channels.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type { Effects } from '../kit/effects.ts';
import {
  ENTER_MAX,
  homeAddress,
  PUBLIC,
  type EnteringDevice,
  type Entered,
  type Welcomed,
} from '../messages/home.ts';
import { isRefusal, type Departure, type PutOffReason, type Refusal } from '../messages/terms.ts';
import { doubt, reasonOf, type EnterContext, type EnterReason, type Subscriber } from './subscriber.ts';
import type { Subscribers } from './subscribers.ts';
import type { RelayOptions } from './stream.ts';

// Messages between a relay and the home about subscribers.

/** The home's time to confirm a right after a lost scope; with the way there and back, 1 s (JW4). */
const DEMOTED_MS = 800;

/** The home has admitted a subscriber. */
export interface Admission {
  readonly entered: Entered;
  readonly head: number | undefined;
  /** The number of a loss of a right (D25). The home has let the subscriber in after it. */
  readonly losses: number;
}

interface EnterRequest {
  readonly subscriber: Subscriber;
  readonly why: EnterReason;
}

/**
 * Asks the home to admit subscribers, many in one message: those that come in one slice, or all of them when the home has
 * begun anew.
 */
export class EnterRequests {
  readonly #channel: Channel;
  readonly #options: RelayOptions;
  readonly #subscribers: Subscribers;
  #waiting: EnterRequest[] = [];
  #moves = 0;

  constructor(channel: Channel, options: RelayOptions, subscribers: Subscribers) {
    this.#channel = channel;
    this.#options = options;
    this.#subscribers = subscribers;
  }

  /** The home is asked behind everything that is queued on the node now. */
  add(subscriber: Subscriber, why: EnterReason, out: Effects): void {
    if (why !== 'enter') doubt(subscriber, why);
    // Its time is short.
    if (why === 'demoted') return this.#ask([{ subscriber, why }], DEMOTED_MS, out);
    this.#waiting.push({ subscriber, why });
    // A user has few devices, which come one by one.
    if (channelKind(this.#channel) === 'user') return this.ask(out);
    if (this.#waiting.length === 1) out.add({ type: 'afterQueue', message: { type: 'enterRequestsWait' } });
  }

  /** The channel's home lives on another node than before. It has to know everyone who is in. */
  homeMoved(out: Effects): void {
    this.#moves++;
    this.everyone(out);
  }

  /** A new generation of the home knows no subscriber: each one that an earlier generation let in joins again. */
  everyone(out: Effects): void {
    for (const subscriber of this.#subscribers.all())
      if (subscriber.entered) this.add(subscriber, 'reenter', out);
  }

  /** True when the home before may have answered: then the present one is asked. */
  isOutdated({ of, moves }: EnterContext, { ok }: Answer<unknown>, out: Effects): boolean {
    if (!ok || moves === this.#moves) return false;
    for (const asked of of) {
      const subscriber = this.#subscribers.asked(asked);
      if (subscriber) this.add(subscriber, asked.why, out);
    }
    return true;
  }

  /** Asks for all that wait. One that has left meanwhile, or asks anew, needs no answer. */
  ask(out: Effects): void {
    const requests = this.#waiting.filter(
      ({ subscriber }) => this.#subscribers.get(subscriber.connection) === subscriber,
    );
    this.#waiting = [];
    for (let at = 0; at < requests.length; at += ENTER_MAX)
      this.#ask(requests.slice(at, at + ENTER_MAX), this.#options.deadlineMs, out);
  }

  #ask(requests: readonly EnterRequest[], deadlineMs: number, out: Effects): void {
    const { incarnation } = this.#options;
    // `broadcast` has no presence: the relay announces its node only.
    const hasPresence = channelKind(this.#channel) !== 'broadcast';
    const devices = hasPresence ? requests.map(({ subscriber }) => deviceOf(subscriber)) : [];
    const context: EnterContext = {
      for: 'enter',
      of: requests.map(({ subscriber: { connection, serial }, why }) => ({ connection, serial, why })),
      moves: this.#moves,
    };
    out.ask(homeAddress(this.#channel), { type: 'enter', incarnation, devices }, { deadlineMs, context });
  }
}

function deviceOf({ address, user, isAdmin, state, entered }: Subscriber): EnteringDevice {
  return { address, user, isAdmin, state, isAgain: entered !== undefined };
}

/** What the home says of the subscriber at a place of the question. */
export function answerAt(answer: Answer<Welcomed | Refusal>, at: number): Answer<Admission | Refusal> {
  if (!answer.ok || isRefusal(answer.body)) return answer as Answer<Refusal>;
  const { devices, head, losses = 0 } = answer.body;
  const device = devices[at] ?? PUBLIC;
  return { ok: true, body: isRefusal(device) ? device : { entered: device, head, losses } };
}

export function tellExit(channel: Channel, address: string, how: Departure, out: Effects): void {
  if (channelKind(channel) !== 'broadcast') out.tell(homeAddress(channel), { type: 'exit', address, how });
}

/** The subscribers lose their places in the channel. Some may have ended and told only their relay, so the home hears too. */
export function tellLost(subscribers: Iterable<Subscriber>, channel: Channel, out: Effects): void {
  for (const { address } of subscribers) {
    out.tell(address, { type: 'relayLost', channel });
    tellExit(channel, address, 'lost', out);
  }
}

/** Why a subscriber that has lost a scope cannot stay; undefined when the home has confirmed its right. */
export function offReason(answer: Answer<Admission | Refusal>): PutOffReason | undefined {
  if (!answer.ok) return 'unconfirmed';
  if (!isRefusal(answer.body)) return undefined;
  return answer.body.error === 'unavailable' ? 'unconfirmed' : reasonOf(answer.body);
}
