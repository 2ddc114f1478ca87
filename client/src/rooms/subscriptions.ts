import { PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { Requests } from '../connection/requests.ts';
import type { ClientScope, ConnectionScope } from '../connection/scopes.ts';
import { failed, failure, mayPass, type ClientError, type Done, type Result } from '../errors.ts';
import type { Entry, JoinedRoom } from '../wire/frames.ts';
import { isObject, isText, JOINED, pick, PLACED, type Fields, type Placed } from '../wire/frame-schemas.ts';
import { ChannelReader } from './channel-reader.ts';
import { GapReader } from './gap-reader.ts';
import { onWire, positionsOf, resumeBatches, type Position } from './positions.ts';
import { Subscription } from './subscription.ts';

/** By channel, what a server answers of it. */
type Answers = Readonly<Record<string, unknown>>;

/**
 * The channels of a client: the two of everyone, and the rooms that the application has joined, until it leaves them or is
 * refused. Each connection is asked to go on where the last one stopped.
 */
export class Subscriptions {
  readonly #client: ClientScope;
  readonly #requests: Requests;
  readonly #joinTimeoutMs: number;
  readonly #gaps: GapReader;
  /** By channel: first the two of everyone. */
  readonly #all = new Map<string, Subscription>();
  /** Of rooms on their way out, what waits for that. */
  readonly #leaving = new Set<Done<void>>();
  #connection: ConnectionScope | undefined;
  #log: string | undefined;

  constructor(client: ClientScope, requests: Requests, joinTimeoutMs: number) {
    this.#client = client;
    this.#requests = requests;
    this.#joinTimeoutMs = joinTimeoutMs;
    this.#gaps = new GapReader(client, requests);
    this.#add('broadcast');
    this.#add('user');
  }

  /** Behind which message the client is in each channel. */
  positions(): Record<string, Position> {
    return positionsOf(this.#all.values());
  }

  /** Of a room that the application has joined. */
  room(room: string): Subscription | undefined {
    return this.#all.get(`room:${room}`);
  }

  #add(channel: string, position?: Position): Subscription {
    const { emitter } = this.#client;
    const added = new Subscription(this.#client, new ChannelReader(channel, emitter, this.#gaps, position));
    this.#all.set(channel, added);
    return added;
  }

  // --- connections

  connected(connection: ConnectionScope): void {
    this.#connection = connection;
    this.#log = connection.welcome.log;
    this.#gaps.connected(connection);
    const all = [...this.#all.values()];
    for (const { channel, reader } of all) {
      const head = connection.welcome.channels?.[channel as 'broadcast' | 'user'];
      if (head !== undefined && reader.position === undefined) this.#begin(reader, head);
    }
    this.#resume(all.filter(({ isKnown }) => isKnown));
    for (const one of all) if (!one.isKnown) this.#join(one);
  }

  /** Where the client is from here on is of this connection's log. */
  #begin(reader: ChannelReader, seq: number): void {
    reader.begin(seq);
    reader.log = this.#log;
  }

  lost(): void {
    this.#connection = undefined;
    this.#gaps.lost();
    for (const one of this.#all.values()) one.lost();
    // Without its connection the client has left.
    for (const done of [...this.#leaving]) this.#left(done);
  }

  end(error: ClientError): void {
    this.lost();
    const all = [...this.#all.values()];
    for (const { reader } of all) reader.close();
    for (const { room, channel } of all) if (room) this.#all.delete(channel);
    for (const one of all) one.settle(failed(error));
  }

  // --- the way into channels

  /** The server holds each place against its log, and says what of it means nothing any more. */
  #resume(known: readonly Subscription[]): void {
    const connection = this.#connection;
    if (!connection) return;
    const read = ({ channels }: Fields): Answers | undefined => (isObject(channels) ? channels : undefined);
    for (const { log, named, channels } of resumeBatches(known, connection.frameBytes)) {
      const frame = { type: 'resume', log, channels };
      this.#enter(named, { frame, read }, (error) =>
        this.#later(named, error, (wanted) => this.#resume(wanted)),
      );
    }
  }

  #join(one: Subscription): void {
    const { room, channel } = one;
    const { place } = one.reader;
    const frame = { type: 'join', room, log: place?.log, since: place && onWire(place) };
    const read = (reply: Fields): Answers | undefined =>
      pick(reply, JOINED) && pick(reply, PLACED) ? { [channel]: reply } : undefined;
    this.#enter([one], { frame, read }, (error) => this.#refused(one, error));
  }

  /** Asks to be in channels: `join` and `resume` differ in their frames, and in whom a refusal of all means. */
  #enter(
    asked: readonly Subscription[],
    question: { readonly frame: Fields; readonly read: (reply: Fields) => Answers | undefined },
    refused: (error: ClientError) => void,
  ): void {
    const connection = this.#connection;
    if (!connection) return;
    // Leaving meanwhile must be said to the server: it will have let the client in.
    for (const one of asked) one.isAsked = true;
    const answered = (result: Result<Answers>): void => {
      if (!result.ok) return refused(result.error);
      for (const one of asked)
        if (!connection.isOver && this.#isWanted(one)) this.#answered(one, result.value[one.channel]);
    };
    this.#requests.ask(question, connection.within(answered));
  }

  /** What is said of one channel. */
  #answered(one: Subscription, reply: unknown): void {
    one.isAsked = false;
    const placed = pick(reply, PLACED);
    if (!placed) return this.#notPlaced(one, reply);
    one.enter();
    this.#place(one, placed);
    const joined = pick(reply, JOINED);
    if (joined) return one.settle({ ok: true, value: joined });
    // A join that came meanwhile is answered with what the room is.
    if (one.isWaitedFor && this.#isWanted(one) && !one.isAsked) this.#join(one);
  }

  #place({ channel, reader, unheard }: Subscription, { seq, gap, reset, already }: Placed): void {
    if (reset) reader.reset(seq);
    if (gap) reader.gap(gap.to);
    this.#begin(reader, seq);
    if (reset) this.#client.emitter.emit('reset', { channel, seq });
    // An answer that came too late had let the client in: what was sent since then was not heard.
    if (already) reader.gap(Math.max(seq, unheard));
  }

  #notPlaced(one: Subscription, reply: unknown): void {
    // The two channels of everyone go on by themselves as soon as they can.
    if (!one.room) return void (one.reader.isUnplaced = true);
    const code = isObject(reply) && isText(reply['error']) ? (reply['error'] as string) : 'unavailable';
    this.#refused(one, failure(code, `the room ${one.room} is not to be had: ${code}`));
  }

  /** The client is not in a room, and will not be, or is to ask again. */
  #refused(one: Subscription, error: ClientError): void {
    if (!this.#isWanted(one)) return;
    if (mayPass(error.code)) return this.#later([one], error, () => this.#join(one));
    this.#drop(one, error, one.isKnown);
  }

  /** Asks again, when the last of these may be asked for. */
  #later(
    asked: readonly Subscription[],
    error: ClientError,
    again: (wanted: readonly Subscription[]) => void,
  ): void {
    for (const one of asked) one.isAsked = true;
    const isWanted = (one: Subscription): boolean => this.#isWanted(one);
    const pauseMs = Math.max(...asked.map((one) => one.delay(error)));
    this.#connection?.after(pauseMs, () => {
      const wanted = asked.filter(isWanted);
      if (wanted.length > 0) again(wanted);
    });
    // Told last: a listener may leave, or close everything.
    for (const one of asked) if (isWanted(one)) one.tellDelay(pauseMs);
  }

  #isWanted(one: Subscription): boolean {
    return this.#all.get(one.channel) === one;
  }

  // --- rooms

  /** `since`: the last message that the application has; without it, what comes from now on. */
  join(room: string, since: Position | undefined, done: Done<JoinedRoom>): void {
    const one = this.room(room) ?? this.#add(`room:${room}`, since);
    one.wait(done, this.#joinTimeoutMs, () => this.leave(room, () => {}));
    if (!one.isAsked) this.#join(one);
  }

  leave(room: string, done: Done<void>): void {
    const one = this.room(room);
    if (!one) return done(failed(failure('not_joined', `the room ${room} is not joined`)));
    this.#drop(one, failure('not_joined', `the room ${room} was left`));
    this.#leaving.add(done);
    if (this.#connection && (one.isOn || one.isAsked)) this.#leave(room, done, this.#connection);
    else this.#left(done);
  }

  #leave(room: string, done: Done<void>, connection: ConnectionScope): void {
    const answered = (result: Result<true>): void => {
      // What is refused for good is of a room that the client is not in any more.
      if (result.ok || !mayPass(result.error.code) || this.room(room)) return this.#left(done);
      connection.after(result.error.retryAfterMs ?? PAUSE_MS, () => {
        if (this.room(room)) this.#left(done);
        else this.#leave(room, done, connection);
      });
    };
    const question = { frame: { type: 'leave', room }, read: () => true as const };
    this.#requests.ask(question, connection.within(answered));
  }

  #left(done: Done<void>): void {
    if (this.#leaving.delete(done)) done({ ok: true, value: undefined });
  }

  /** The client is off a room; the application hears of it where it has not asked for that. */
  #drop(one: Subscription, error: ClientError, isRemoved = false): void {
    const { room, channel, reader } = one;
    this.#all.delete(channel);
    reader.close();
    for (const part of this.#client.parts) part.dropped?.(room);
    if (isRemoved) this.#client.emitter.emit('removed', { room, code: error.code });
    one.settle(failed(error));
  }

  // --- what the server says

  take(channel: string, entry: Entry): void {
    const one = this.#all.get(channel);
    if (!one) return;
    if (!one.isOn) return void (one.unheard = entry.seq);
    one.reader.log = this.#log;
    one.reader.take(entry);
  }

  /** What a server will not send may still be read, but for what it does not have. */
  skipped(channel: string, to: number): void {
    this.#all.get(channel.startsWith('user:') ? 'user' : channel)?.reader.gap(to);
  }

  /** What was sent of a channel behind `seq` is not in the log any more. */
  rewound(channel: string, seq: number): void {
    const one = this.#all.get(channel);
    // Of a room that the client does not know itself to be in, its answer says the same.
    if (!one?.isOn) return;
    one.reader.log = this.#log;
    if (one.reader.rewound(seq)) this.#client.emitter.emit('reset', { channel, seq });
  }

  /** The server has put the client off a room. */
  putOff(room: string, code: 'forbidden' | 'gone'): void {
    const one = this.room(room);
    if (one) this.#drop(one, failure(code, `one is off the room ${room}`), code === 'forbidden');
  }
}
