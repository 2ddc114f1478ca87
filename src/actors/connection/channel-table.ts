import { channelId, channelKind, roomChannel, type Channel } from '../../protocol/channels.ts';
import type { ChannelReply } from '../../protocol/pushes.ts';
import { relayAddress, type DeviceState } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { isPlainIn, type GivenPosition } from '../positions.ts';
import type { Found } from './resume.ts';

export interface Subscription {
  /**
   * - `asking`: the relay has been asked.
   * - `ready`: it has answered; nothing is sent until it is told from where (HS5).
   * - `on`: live.
   */
  stage: 'asking' | 'ready' | 'on';
  /** The head when the relay answered. */
  readonly head: number;
  readonly isOther: boolean;
  /** Right after which seq it began, once it is on. */
  after?: number;
}

/** What one connection is on, or about to be, and where it began with each channel. */
export class ChannelTable {
  readonly #connection: number;
  readonly #channels = new Map<Channel, Subscription>();
  #rooms = 0;

  constructor(connection: number) {
    this.#connection = connection;
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

  asking(channel: Channel): void {
    this.#put(channel, { stage: 'asking', head: 0, isOther: false });
  }

  ready(channel: Channel, { head, isOther }: Found): void {
    this.#put(channel, { stage: 'ready', head, isOther });
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

  start(channel: Channel, after: number, out: Outbox): void {
    const subscription = this.#channels.get(channel);
    if (!subscription) return;
    subscription.stage = 'on';
    subscription.after = after;
    out.tell(relayAddress(channel), { type: 'start', connection: this.#connection, after });
  }

  /** The connection's state, for presence: nobody is present on broadcast. */
  tellState(state: DeviceState, out: Outbox): void {
    for (const channel of this.#channels.keys()) {
      if (channel === 'broadcast') continue;
      out.tell(relayAddress(channel), { type: 'device', connection: this.#connection, state });
    }
  }

  /**
   * Nothing is replayed on a channel that is live: what lies between the client's position and where it began is named,
   * or that its position means nothing.
   */
  alreadyOn(channel: Channel, position: GivenPosition | undefined, { head, isOther }: Found): ChannelReply {
    const already = { seq: head, already: true } as const;
    if (!position) return already;
    if (isOther || position.seq > head) return { ...already, reset: true };
    const after = this.#channels.get(channel)?.after ?? head;
    return position.seq < after ? { ...already, gap: { from: position.seq + 1, to: after } } : already;
  }

  /** As {@link alreadyOn}, when how far the log goes by now cannot be had: only what is certain is said. */
  beganWith(channel: Channel, position: GivenPosition): ChannelReply {
    const head = this.#channels.get(channel)?.head ?? 0;
    const certain = isPlainIn(position, head) || position.seq <= head ? position : undefined;
    return this.alreadyOn(channel, certain, { head, isOther: false });
  }
}
