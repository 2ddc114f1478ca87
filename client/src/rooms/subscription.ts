import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { ClientScope } from '../connection/scopes.ts';
import { failed, late, type ClientError, type Done, type Result } from '../errors.ts';
import type { JoinedRoom } from '../wire/frames.ts';
import type { ChannelReader } from './channel-reader.ts';

/**
 * One channel of the client: `broadcast` or `user`, which every connection has from its beginning, or a room that the
 * application has joined.
 */
export class Subscription {
  readonly channel: string;
  /** Empty for `broadcast` and `user`. */
  readonly room: string;
  readonly reader: ChannelReader;
  /** The client was in it before, so a reconnect resumes it. */
  isKnown: boolean;
  /** The client is in it on this connection. Until then it ignores messages of the channel. */
  isOn: boolean;
  isAsked = false;
  /** The last message that arrived on this connection before the client knew that it is in the channel. */
  unheard = 0;
  readonly #client: ClientScope;
  /** Joins that wait for an answer. */
  #dones: Done<JoinedRoom>[] = [];
  /** How often in a row the server delayed it, and why the last time. */
  #delays = 0;
  #why: ClientError | undefined;
  #isTold = false;

  constructor(client: ClientScope, reader: ChannelReader) {
    this.#client = client;
    this.reader = reader;
    const { channel } = reader;
    this.channel = channel;
    this.room = channel.startsWith('room:') ? channel.slice(5) : '';
    this.isKnown = this.isOn = !this.room;
  }

  get isWaitedFor(): boolean {
    return this.#dones.length > 0;
  }

  /** Adds a join with a timeout. `unwanted` runs when the last join times out before the client was ever in the room. */
  wait(done: Done<JoinedRoom>, timeoutMs: number, unwanted: () => void): void {
    let cancel: (() => void) | undefined;
    const inTime: Done<JoinedRoom> = (result) => {
      cancel?.();
      done(result);
    };
    this.#dones.push(inTime);
    if (timeoutMs === 0) return;
    cancel = this.#client.ports.after(timeoutMs, () => {
      const { trouble } = this.#client;
      const error =
        (trouble ? undefined : this.#why) ??
        late(`the room ${this.room} could not be joined in time`, trouble);
      this.#dones = this.#dones.filter((one) => one !== inTime);
      if (!this.isKnown && this.#dones.length === 0) unwanted();
      done(failed(error));
    });
  }

  /** Answers all waiting joins, once. */
  settle(result: Result<JoinedRoom>): void {
    const dones = this.#dones;
    this.#dones = [];
    for (const done of dones) done(result);
  }

  /**
   * The channel is temporarily unavailable. Returns the milliseconds until the next try. For a room the pause grows,
   * because the hook or store behind joins may be in trouble, and the server answers a connection's joins one after the
   * other.
   */
  delay(why: ClientError): number {
    const growing = this.room && this.#delays > 0 ? backoffMs(this.#delays, this.#client.ports) : 0;
    this.#delays++;
    this.#why = why;
    return (why.retryAfterMs ?? PAUSE_MS) + growing;
  }

  /** Reports the delay. It reports none for a room that the client is still in, or that only waits for its turn. */
  tellDelay(retryAfterMs: number): void {
    const why = this.#why;
    if (!why || this.isOn || isOfTurn(why)) return;
    this.#isTold = true;
    this.#client.emitter.emit('delayed', { room: this.room, why, retryAfterMs: Math.ceil(retryAfterMs) });
  }

  /** The connection is lost, and the client is out of the room. */
  lost(): void {
    this.reader.lost();
    this.isOn = !this.room;
    this.isAsked = false;
    this.unheard = 0;
  }

  /** The client has entered the channel. */
  enter(): void {
    const { emitter, parts } = this.#client;
    const { room, isOn, isKnown } = this;
    const isTold = this.#isTold;
    this.isOn = this.isKnown = true;
    this.#delays = 0;
    this.#why = undefined;
    this.#isTold = false;
    if (isOn) return;
    for (const part of parts) part.entered?.(room);
    if (isTold) emitter.emit('delayed', { room });
    if (isKnown) emitter.emit('resumed', { room });
  }
}

/**
 * The client or the server has too many requests open (LM2), and the error names a time. It says nothing about the room.
 */
function isOfTurn({ code, retryAfterMs }: ClientError): boolean {
  return code === 'queue_full' || (code === 'rate_limited' && retryAfterMs !== undefined);
}
