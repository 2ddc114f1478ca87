import { channelId, channelKind, roomChannel, type Channel } from '../../protocol/channels.ts';
import type { ChannelReply } from '../../protocol/pushes.ts';
import { relayAddress, type Subscribed } from '../messages/relay.ts';
import type { DeviceState } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { isPlainIn, type GivenPosition } from '../kit/positions.ts';
import { SmallMap } from '../kit/small.ts';
import type { Found } from './resume.ts';

export interface Subscription {
  /**
   * - `asking`: the relay has been asked.
   * - `ready`: the relay has answered. It sends nothing until a `start` says from where (HS5).
   * - `on`: live.
   */
  stage: 'asking' | 'ready' | 'on';
  /** The head when the relay answered. */
  readonly head: number;
  readonly isOther: boolean;
  /** Right after which seq it began, once it is on. */
  after: number | undefined;
}

/** The channels that one connection is on, or is about to be on, and where it began with each. */
export class ChannelTable {
  readonly #connection: number;
  readonly #channels = new SmallMap<Channel, Subscription>();
  /** The channel of the connection's user. */
  readonly #own: Channel;
  #rooms = 0;

  constructor(connection: number, own: Channel) {
    this.#connection = connection;
    this.#own = own;
  }

  /** The two channels of every connection. */
  get base(): readonly Channel[] {
    return ['broadcast', this.#own];
  }

  get rooms(): number {
    return this.#rooms;
  }

  names(): Iterable<Channel> {
    return this.#channels.keys();
  }

  get(channel: Channel): Subscription | undefined {
    return this.#channels.get(channel);
  }

  has(channel: Channel): boolean {
    return this.#channels.has(channel);
  }

  isJoined(room: string): boolean {
    return this.#channels.get(roomChannel(room))?.stage === 'on';
  }

  /** The one room that is joined, for the short form of `chat` (RQ12); null when there are more. */
  onlyRoom(): string | undefined | null {
    if (this.#rooms > 1) return null;
    for (const channel of this.#channels.keys())
      if (channelKind(channel) === 'room') return channelId(channel);
    return undefined;
  }

  /** Null until both relays have answered. Then the heads of these two, or `unknown` if one could not be read. */
  get heads(): { readonly broadcast: number; readonly user: number } | 'unknown' | null {
    const broadcast = this.#channels.get('broadcast');
    const user = this.#channels.get(this.#own);
    if (broadcast?.stage === 'asking' || user?.stage === 'asking') return null;
    return broadcast && user ? { broadcast: broadcast.head, user: user.head } : 'unknown';
  }

  asking(channel: Channel): void {
    this.#put(channel, { stage: 'asking', head: 0, isOther: false, after: undefined });
  }

  ready(channel: Channel, { head, isOther }: Found): void {
    this.#put(channel, { stage: 'ready', head, isOther, after: undefined });
  }

  #put(channel: Channel, subscription: Subscription): void {
    if (channelKind(channel) === 'room' && !this.#channels.has(channel)) this.#rooms++;
    this.#channels.set(channel, subscription);
  }

  /** False when it was not on it. */
  off(channel: Channel): boolean {
    if (!this.#channels.delete(channel)) return false;
    if (channelKind(channel) === 'room') this.#rooms--;
    return true;
  }

  start(channel: Channel, after: number, out: Effects): void {
    const subscription = this.#channels.get(channel);
    if (!subscription) return;
    subscription.stage = 'on';
    subscription.after = after;
    out.tell(relayAddress(channel), { type: 'start', connection: this.#connection, after });
  }

  /** The connection's state, for presence; no user is present on broadcast. */
  tellState(state: DeviceState, out: Effects): void {
    for (const channel of this.#channels.keys()) {
      if (channel === 'broadcast') continue;
      out.tell(relayAddress(channel), { type: 'device', connection: this.#connection, state });
    }
  }

  /**
   * Nothing is replayed on a channel that is live: what lies between the client's position and where it began is named,
   * or that its position means nothing.
   */
  alreadyOn(
    channel: Channel,
    position: GivenPosition | undefined,
    { head, isOther, resetTo, sent }: Found & Pick<Subscribed, 'resetTo' | 'sent'>,
  ): ChannelReply {
    // A client may read up to here by itself: everything later comes live.
    const already = { seq: sent, already: true } as const;
    const known = this.#channels.get(channel);
    if (known?.after !== undefined) known.after = Math.min(known.after, resetTo);
    if (!position) return already;
    if (isOther || position.seq > head) return { ...already, reset: true };
    const after = known?.after ?? head;
    return position.seq < after ? { ...already, gap: { from: position.seq + 1, to: after } } : already;
  }

  /** As {@link alreadyOn}, when the head could not be read: the answer has only what is certain. */
  beganWith(channel: Channel, position: GivenPosition): ChannelReply {
    const { head = 0, after: sent = head } = this.#channels.get(channel) ?? {};
    const certain = isPlainIn(position, head) || position.seq <= head ? position : undefined;
    return this.alreadyOn(channel, certain, { head, isOther: false, resetTo: Infinity, sent });
  }
}
