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

/** The server's answers by channel. */
type Answers = Readonly<Record<string, unknown>>;

/**
 * The channels of a client: `broadcast`, `user`, and the rooms that the application has joined, until it leaves or the
 * server refuses. Each connection continues where the last one stopped.
 */
export class Subscriptions {
  readonly #client: ClientScope;
  readonly #requests: Requests;
  readonly #joinTimeoutMs: number;
  readonly #gaps: GapReader;
  /** By channel, first `broadcast` and `user`. */
  readonly #all = new Map<string, Subscription>();
  /** Callbacks that wait for the client to leave a room. */
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

  /** The client's position in each channel. */
  positions(): Record<string, Position> {
    return positionsOf(this.#all.values());
  }

  /** The subscription of a room that the application has joined. */
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

  /** From here on the position belongs to this connection's log. */
  #begin(reader: ChannelReader, seq: number): void {
    reader.begin(seq);
    reader.log = this.#log;
  }

  lost(): void {
    this.#connection = undefined;
    this.#gaps.lost();
    for (const one of this.#all.values()) one.lost();
    // Without a connection the client has left.
    for (const done of [...this.#leaving]) this.#left(done);
  }

  end(error: ClientError): void {
    this.lost();
    const all = [...this.#all.values()];
    for (const { reader } of all) reader.close();
    for (const { room, channel } of all) if (room) this.#all.delete(channel);
    for (const one of all) one.settle(failed(error));
  }

  // --- entering channels

  /** Resumes channels. The server compares each position with its log, and names those that mean nothing there. */
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

  /** Asks to enter channels. `join` and `resume` differ in their frames, and in which channels a refusal covers. */
  #enter(
    asked: readonly Subscription[],
    question: { readonly frame: Fields; readonly read: (reply: Fields) => Answers | undefined },
    refused: (error: ClientError) => void,
  ): void {
    const connection = this.#connection;
    if (!connection) return;
    // If the application leaves meanwhile, the client must tell the server, which will have accepted it.
    for (const one of asked) one.isAsked = true;
    const answered = (result: Result<Answers>): void => {
      if (!result.ok) return refused(result.error);
      for (const one of asked)
        if (!connection.isOver && this.#isWanted(one)) this.#answered(one, result.value[one.channel]);
    };
    this.#requests.ask(question, connection.within(answered));
  }

  /** Applies the answer for one channel. */
  #answered(one: Subscription, reply: unknown): void {
    one.isAsked = false;
    const placed = pick(reply, PLACED);
    if (!placed) return this.#notPlaced(one, reply);
    one.enter();
    this.#place(one, placed);
    const joined = pick(reply, JOINED);
    if (joined) return one.settle({ ok: true, value: joined });
    // A join that the application made meanwhile asks anew, and gets the room's current data.
    if (one.isWaitedFor && this.#isWanted(one) && !one.isAsked) this.#join(one);
  }

  #place({ channel, reader, unheard }: Subscription, { seq, gap, reset, already }: Placed): void {
    if (reset) reader.reset(seq);
    if (gap) reader.gap(gap.to);
    this.#begin(reader, seq);
    if (reset) this.#client.emitter.emit('reset', { channel, seq });
    // A late answer means that the server had accepted the client already. The client has ignored the messages since then.
    if (already) reader.gap(Math.max(seq, unheard));
  }

  #notPlaced(one: Subscription, reply: unknown): void {
    // `broadcast` and `user` continue by themselves as soon as the server can read them.
    if (!one.room) return void (one.reader.isUnplaced = true);
    const code = isObject(reply) && isText(reply['error']) ? (reply['error'] as string) : 'unavailable';
    this.#refused(one, failure(code, `the room ${one.room} is unavailable: ${code}`));
  }

  /** The server refused a room. The client gives up or asks again. */
  #refused(one: Subscription, error: ClientError): void {
    if (!this.#isWanted(one)) return;
    if (mayPass(error.code)) return this.#later([one], error, () => this.#join(one));
    this.#drop(one, error, one.isKnown);
  }

  /** Asks again, once the last of these channels may be asked for. */
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
    // Reported last, because a listener may leave a room or close the client.
    for (const one of asked) if (isWanted(one)) one.tellDelay(pauseMs);
  }

  #isWanted(one: Subscription): boolean {
    return this.#all.get(one.channel) === one;
  }

  // --- rooms

  /** `since` is the last message that the application has; without it new messages only. */
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
      // A final error means that the client is no longer in the room.
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

  /** The client is out of a room. The application gets an event unless it asked for that. */
  #drop(one: Subscription, error: ClientError, isRemoved = false): void {
    const { room, channel, reader } = one;
    this.#all.delete(channel);
    reader.close();
    for (const part of this.#client.parts) part.dropped?.(room);
    if (isRemoved) this.#client.emitter.emit('removed', { room, code: error.code });
    one.settle(failed(error));
  }

  // --- notifications

  take(channel: string, entry: Entry): void {
    const one = this.#all.get(channel);
    if (!one) return;
    if (!one.isOn) return void (one.unheard = entry.seq);
    one.reader.log = this.#log;
    one.reader.take(entry);
  }

  /** The client may still read messages that the server will not send, but not those that it no longer has. */
  skipped(channel: string, to: number): void {
    this.#all.get(channel.startsWith('user:') ? 'user' : channel)?.reader.gap(to);
  }

  /** The log no longer has the messages after `seq` of a channel. */
  rewound(channel: string, seq: number): void {
    const one = this.#all.get(channel);
    // Until the client is in the room, the answer to its join says the same.
    if (!one?.isOn) return;
    one.reader.log = this.#log;
    if (one.reader.rewound(seq)) this.#client.emitter.emit('reset', { channel, seq });
  }

  /** The server has removed the client from a room. */
  putOff(room: string, code: 'forbidden' | 'gone'): void {
    const one = this.room(room);
    if (one) this.#drop(one, failure(code, `not in the room ${room}`), code === 'forbidden');
  }
}
