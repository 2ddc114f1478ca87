import { backoffMs, PAUSE_MS } from '../connection/backoff.ts';
import type { ChannelReader } from './channel-reader.ts';
import { failed, late, type ClientError, type Done, type Result } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { JoinedRoom } from '../wire/frames.ts';
import type { Ports } from '../ports.ts';

export interface RoomSubscriptionParts {
  readonly ports: Ports;
  readonly emitter: Emitter;
  /** How long a `join` waits; 0: for ever. */
  readonly joinTimeoutMs: number;
  /** Why there is no connection. */
  readonly trouble: () => ClientError | undefined;
  /** One is in a room, on this connection. */
  readonly entered: (room: string) => void;
  /** One is off a room, or not let in. */
  readonly dropped: (room: string) => void;
}

/** A room that the application wants to be in. */
export class RoomSubscription {
  readonly room: string;
  readonly reader: ChannelReader;
  /** It was joined once: after a reconnect it is resumed. */
  isKnown = false;
  /** On this connection it is joined; before, nothing of it is meant for us. */
  isOn = false;
  isAsked = false;
  /** The last message on this connection that came before we knew that we are in. */
  unheard = 0;
  readonly #parts: RoomSubscriptionParts;
  /** Those who wait to hear that it is joined. */
  #dones: Done<JoinedRoom>[] = [];
  /** How often in a row it was refused for a while, and why at last. */
  #delays = 0;
  #why: ClientError | undefined;
  #isTold = false;

  constructor(room: string, reader: ChannelReader, parts: RoomSubscriptionParts) {
    this.room = room;
    this.reader = reader;
    this.#parts = parts;
  }

  get isWaitedFor(): boolean {
    return this.#dones.length > 0;
  }

  /** Nobody waits for ever. `unwanted`: it was never joined, and nobody waits for it any more. */
  wait(done: Done<JoinedRoom>, unwanted: () => void): void {
    const { ports, joinTimeoutMs, trouble } = this.#parts;
    if (joinTimeoutMs === 0) return void this.#dones.push(done);
    const inTime: Done<JoinedRoom> = (result) => {
      cancel();
      done(result);
    };
    this.#dones.push(inTime);
    const cancel = ports.after(joinTimeoutMs, () => {
      const lost = trouble();
      const error =
        (lost ? undefined : this.#why) ?? late(`the room ${this.room} could not be joined in time`, lost);
      this.#dones = this.#dones.filter((one) => one !== inTime);
      if (!this.isKnown && this.#dones.length === 0) unwanted();
      done(failed(error));
    });
  }

  /** Tells those who wait, once. */
  settle(result: Result<JoinedRoom>): void {
    const dones = this.#dones;
    this.#dones = [];
    for (const done of dones) done(result);
  }

  /**
   * It is not to be had for a while. Returns after how many milliseconds to ask again: more each time, for who decides
   * about joins may be in trouble, and a connection waits for each answer.
   */
  delay(why: ClientError): number {
    const { ports } = this.#parts;
    const growing = this.#delays > 0 ? backoffMs(this.#delays, () => ports.random()) : 0;
    this.#delays++;
    this.#why = why;
    return (why.retryAfterMs ?? PAUSE_MS) + growing;
  }

  /** Tells of the delay; not of a room that one is in all the same, or that merely waits for its turn. */
  tellDelay(retryAfterMs: number): void {
    const why = this.#why;
    if (!why || this.isOn || isOfTurn(why)) return;
    this.#isTold = true;
    this.#parts.emitter.emit('delayed', { room: this.room, why, retryAfterMs: Math.ceil(retryAfterMs) });
  }

  /** The connection is lost, and with it the place in the room. */
  lost(): void {
    this.isOn = this.isAsked = false;
    this.unheard = 0;
  }

  /** One is in the room. */
  enter(): void {
    const wasDelayed = this.#isTold && !this.isOn;
    const isBack = this.isKnown && !this.isOn;
    const wasOn = this.isOn;
    this.isOn = this.isKnown = true;
    this.#delays = 0;
    this.#why = undefined;
    this.#isTold = false;
    if (!wasOn) this.#parts.entered(this.room);
    if (wasDelayed) this.#parts.emitter.emit('delayed', { room: this.room });
    if (isBack) this.#parts.emitter.emit('resumed', { room: this.room });
  }
}

/** Too much was asked at once, here or of the server (LM2), which then says when it goes on: that is not about the room. */
function isOfTurn({ code, retryAfterMs }: ClientError): boolean {
  return code === 'queue_full' || (code === 'rate_limited' && retryAfterMs !== undefined);
}
