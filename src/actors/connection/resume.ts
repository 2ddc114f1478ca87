import { clientChannel, clientName, type Channel } from '../../protocol/channels.ts';
import type { SocketErrorCode } from '../../protocol/codes.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { ChannelReply } from '../../protocol/pushes.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import type { Subscribed } from '../messages/relay.ts';
import type { Effects } from '../kit/effects.ts';
import { positionOf, type GivenPosition } from '../kit/positions.ts';

/** Where a subscriber starts, as the reply says it (RQ1, RQ2). Bounds of a gap are inclusive. */
export function placeIn(
  { head, isOther }: Found,
  position: GivenPosition | undefined,
  replayMax: number,
): ChannelReply & { readonly after: number } {
  if (!position) return { after: head, seq: head };
  const since = position.seq;
  if (isOther || since > head) return { after: head, seq: head, reset: true };
  const after = Math.max(since, head - replayMax);
  return after === since ? { after, seq: head } : { after, seq: head, gap: { from: since + 1, to: after } };
}

/** A channel's head, and whether the log has another message where the client says that it is. */
export type Found = Pick<Subscribed, 'head' | 'isOther'>;

export interface Wanted {
  readonly name: string;
  readonly channel: Channel;
  readonly position: GivenPosition;
}

/** The channels of a `resume` frame, or why it is refused. */
export function wantedChannels(
  request: RequestOf<'resume'>,
  user: string,
  log: string,
): readonly Wanted[] | BadFrame {
  const wanted: Wanted[] = [];
  for (const [name, given] of request.channels) {
    const channel = clientChannel(name, user);
    if (!channel) {
      const message = `channels: there is no channel ${JSON.stringify(name)}`;
      return {
        ok: false,
        field: 'channels',
        message,
        ...(request.id === undefined ? {} : { id: request.id }),
      };
    }
    wanted.push({ name, channel, position: positionOf(given, request.log, log) ?? given });
  }
  return wanted;
}

/** One `resume` under way (RQ2): it gathers the outcome of each channel, until all are known and one ack has them. */
export class Resume {
  readonly id: string | undefined;
  readonly #replayMax: number;
  readonly #replies = new Map<string, ChannelReply | { readonly error: string }>();
  #starts: { readonly channel: Channel; readonly after: number }[] = [];
  /** Messages that may still be replayed for this request. */
  #budget: number = WIRE_LIMITS.replayPerRequestMax;
  /** Channels that are being asked for, and how many of them are rooms not joined before. */
  #open = 0;
  #newRooms = 0;

  /** `replayMax`: messages that may be replayed of one channel. */
  constructor(id: string | undefined, replayMax: number) {
    this.id = id;
    this.#replayMax = replayMax;
  }

  get isDone(): boolean {
    return this.#open === 0;
  }

  get newRooms(): number {
    return this.#newRooms;
  }

  get replies(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#replies);
  }

  get starts(): readonly { readonly channel: Channel; readonly after: number }[] {
    return this.#starts;
  }

  asking(isNew: boolean): void {
    this.#open++;
    if (isNew) this.#newRooms++;
  }

  answered(isNew: boolean, out: Effects): void {
    this.#open--;
    if (isNew) this.#newRooms--;
    out.check('resume_open', this.#open >= 0 && this.#newRooms >= 0);
  }

  reply(name: string, reply: ChannelReply | { readonly error: string }): void {
    this.#replies.set(name, reply);
  }

  /** The channel has put the connection off before all others were known: the ack must not say that it is on. */
  evicted(channel: Channel, error: SocketErrorCode): void {
    const name = clientName(channel);
    if (!this.#replies.has(name)) return;
    this.reply(name, { error });
    this.#starts = this.#starts.filter((start) => start.channel !== channel);
  }

  place({ name, channel, position }: Wanted, found: Found): void {
    const { after, ...reply } = placeIn(found, position, Math.min(this.#replayMax, this.#budget));
    this.#budget -= found.head - after;
    this.reply(name, reply);
    this.#starts.push({ channel, after });
  }
}
