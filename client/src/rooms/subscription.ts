import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { ClientScope } from '../connection/scopes.ts';
import { failed, late, type ClientError, type Done, type Result } from '../errors.ts';
import type { JoinedRoom } from '../wire/frames.ts';
import type { ChannelReader } from './channel-reader.ts';

/**
 * A channel that the client is to be in: one of the two of everyone, in which each connection is from its beginning, or a
 * room that the application has joined.
 */
export class Subscription {
  readonly channel: string;
  /** '' for the two of everyone. */
  readonly room: string;
  readonly reader: ChannelReader;
  /** The client was in it once: after a reconnect it is resumed. */
  isKnown: boolean;
  /** The client is in it on this connection; before, nothing of it is meant for the client. */
  isOn: boolean;
  isAsked = false;
  /** The last message on this connection that came before the client knew that it is in. */
  unheard = 0;
  readonly #client: ClientScope;
  /** Joins that wait for an answer. */
  #dones: Done<JoinedRoom>[] = [];
  /** How often in a row it was refused for a while, and why at last. */
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

  /** No join waits for ever. `unwanted`: the client was never in, and no join waits any more. */
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

  /** Answers the joins that wait, once. */
  settle(result: Result<JoinedRoom>): void {
    const dones = this.#dones;
    this.#dones = [];
    for (const done of dones) done(result);
  }

  /**
   * It is not to be had for a while. Returns after how many milliseconds to ask again: for a room more each time, since
   * what decides about joins may be in trouble, and a connection waits for each answer.
   */
  delay(why: ClientError): number {
    const growing = this.room && this.#delays > 0 ? backoffMs(this.#delays, this.#client.ports) : 0;
    this.#delays++;
    this.#why = why;
    return (why.retryAfterMs ?? PAUSE_MS) + growing;
  }

  /** Tells of the delay; not of a room that the client is in all the same, or that merely waits for its turn. */
  tellDelay(retryAfterMs: number): void {
    const why = this.#why;
    if (!why || this.isOn || isOfTurn(why)) return;
    this.#isTold = true;
    this.#client.emitter.emit('delayed', { room: this.room, why, retryAfterMs: Math.ceil(retryAfterMs) });
  }

  /** The connection is lost, and with it the place in the room. */
  lost(): void {
    this.reader.lost();
    this.isOn = !this.room;
    this.isAsked = false;
    this.unheard = 0;
  }

  /** The client is in. */
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

/** Too much was asked at once, here or of the server (LM2), which then says when it goes on: that is not about the room. */
function isOfTurn({ code, retryAfterMs }: ClientError): boolean {
  return code === 'queue_full' || (code === 'rate_limited' && retryAfterMs !== undefined);
}
