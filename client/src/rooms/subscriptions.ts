import { PAUSE_MS } from '../connection/backoff.ts';
import { ChannelReader } from './channel-reader.ts';
import { failed, failure, isRetryable, type ClientError, type Done, type Result } from '../errors.ts';
import { ConnectionScope } from '../connection/connection-scope.ts';
import type { Entry, JoinedRoom, Welcome } from '../wire/frames.ts';
import { PendingLeaves } from './pending-leaves.ts';
import { onWire, placesOf, type Position } from './position.ts';
import { resumeBatches, type ResumeBatch } from './resume-batches.ts';
import { RoomSubscription, type RoomSubscriptionParts } from './room-subscription.ts';
import type { GapReader } from './gap-reader.ts';
import type { Requests } from '../connection/requests.ts';
import { isObject, isText, JOINED, pick, PLACED, type Fields, type Placed } from '../wire/frame-schemas.ts';

const BASE = ['broadcast', 'user'];

export interface SubscriptionParts extends RoomSubscriptionParts {
  readonly requests: Requests;
  readonly gaps: GapReader;
}

/**
 * The channels of a client: the two of everyone, and the rooms it wants to be in, until it leaves them or is refused.
 * Each connection is asked to go on where the last one stopped.
 */
export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #scope: ConnectionScope;
  readonly #leaves: PendingLeaves;
  readonly #base = new Map<string, ChannelReader>();
  readonly #rooms = new Map<string, RoomSubscription>();
  #log: string | undefined;
  #isUp = false;
  #frameBytes = Infinity;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#scope = new ConnectionScope(parts.ports);
    this.#leaves = new PendingLeaves({ ...parts, isWanted: (room) => this.#rooms.has(room) });
    for (const name of BASE) this.#base.set(name, this.#reader(name));
  }

  /** Behind which message one is in each channel. */
  positions(): Record<string, Position> {
    return Object.fromEntries(placesOf(this.#readers()));
  }

  subscription(room: string): RoomSubscription | undefined {
    return this.#rooms.get(room);
  }

  #readers(): [string, ChannelReader][] {
    const rooms = [...this.#rooms.values()].map(({ room, reader }) => [`room:${room}`, reader] as const);
    return [...this.#base, ...rooms] as [string, ChannelReader][];
  }

  #reader(channel: string, position?: Position): ChannelReader {
    const { emitter, gaps } = this.#parts;
    const world = {
      deliver: (entry: Entry) => emitter.deliver(entry),
      missed: (from: number, to: number) => emitter.emit('missed', { channel, from, to }),
      read: (after: number, isAgain: boolean, done: Parameters<GapReader['read']>[0]['done']) =>
        gaps.read({ channel, after, done, isWanted: () => this.#find(channel) === reader }, isAgain),
    };
    const reader = new ChannelReader(world, position);
    return reader;
  }

  // --- connections

  connected(welcome: Welcome, frameBytes: number): void {
    this.#isUp = true;
    this.#log = welcome.log;
    this.#frameBytes = frameBytes;
    for (const [name, reader] of this.#base) {
      const head = welcome.channels?.[name as 'broadcast' | 'user'];
      if (head !== undefined && reader.position === undefined) this.#begin(reader, head);
    }
    const rooms = [...this.#rooms.values()];
    const known = rooms.filter(({ isKnown, reader }) => isKnown && reader.position !== undefined);
    this.#resume([...BASE, ...known.map(({ room }) => `room:${room}`)]);
    for (const wanted of rooms) if (!known.includes(wanted) && this.#isUp) this.#join(wanted);
  }

  /** Where it is from here on is of this connection's log. */
  #begin(reader: ChannelReader, seq: number): void {
    reader.begin(seq);
    reader.log = this.#log;
  }

  lost(): void {
    this.#isUp = false;
    this.#scope.end();
    for (const [, reader] of this.#readers()) reader.lost();
    for (const wanted of this.#rooms.values()) wanted.lost();
    this.#leaves.lost();
  }

  end(error: ClientError): void {
    this.lost();
    for (const [, reader] of this.#readers()) reader.close();
    const rooms = [...this.#rooms.values()];
    this.#rooms.clear();
    for (const wanted of rooms) wanted.settle(failed(error));
  }

  /** The server holds each place against its log, and says what of it means nothing any more. */
  #resume(names: readonly string[]): void {
    const readers = names.flatMap((name) => {
      const reader = this.#find(name);
      return reader ? [[name, reader] as const] : [];
    });
    for (const slice of resumeBatches(placesOf(readers), this.#frameBytes)) this.#resumeSome(slice);
  }

  #resumeSome({ log, names, channels }: ResumeBatch): void {
    const readers = new Map<string, ChannelReader>();
    for (const name of names) {
      readers.set(name, this.#find(name) as ChannelReader);
      // Whoever leaves meanwhile must say so: the server will have let us in.
      const wanted = this.#room(name);
      if (wanted) wanted.isAsked = true;
    }
    const frame = { type: 'resume', log, channels };
    const read = (fields: Fields): Fields | undefined =>
      isObject(fields['channels']) ? fields['channels'] : undefined;
    const answered = (result: Result<Fields>): void => {
      if (!result.ok) return this.#resumeLater(names, result.error);
      for (const [name, reader] of readers) if (this.#isUp) this.#resumed(name, reader, result.value[name]);
    };
    this.#parts.requests.ask({ frame, read }, this.#scope.within(answered));
  }

  /** All of them, when the last of its rooms may be asked for. */
  #resumeLater(names: readonly string[], error: ClientError): void {
    if (!this.#isUp) return;
    const rooms = names.flatMap((name) => this.#room(name) ?? []);
    const pauseMs = Math.max(error.retryAfterMs ?? PAUSE_MS, ...rooms.map((wanted) => wanted.delay(error)));
    this.#scope.after(pauseMs, () => this.#resume(names));
    // Told last: a listener may leave, or close everything.
    for (const wanted of rooms) if (this.#isWanted(wanted)) wanted.tellDelay(pauseMs);
  }

  #isWanted(wanted: RoomSubscription): boolean {
    return this.#rooms.get(wanted.room) === wanted;
  }

  /** Of a channel that is a room's. */
  #room(name: string): RoomSubscription | undefined {
    return name.startsWith('room:') ? this.#rooms.get(name.slice(5)) : undefined;
  }

  #find(name: string): ChannelReader | undefined {
    return this.#base.get(name) ?? this.#room(name)?.reader;
  }

  #resumed(name: string, reader: ChannelReader, reply: unknown): void {
    // It was left, and perhaps wanted again: then this is said of what was before.
    if (this.#find(name) !== reader) return;
    const wanted = this.#room(name);
    if (wanted) wanted.isAsked = false;
    const placed = pick(reply, PLACED);
    if (placed) {
      if (wanted) wanted.enter();
      this.#place(name, reader, placed, wanted);
      // Who wants to be in meanwhile is told what the room is.
      const isAsked = !wanted?.isWaitedFor || wanted.isAsked;
      return isAsked || !this.#isWanted(wanted) ? undefined : this.#join(wanted);
    }
    // The two channels of everyone go on by themselves as soon as they can.
    if (!wanted) return void (reader.isUnplaced = true);
    const code = isObject(reply) && isText(reply['error']) ? (reply['error'] as string) : 'unavailable';
    const error = failure(code, `the room ${wanted.room} is not to be had: ${code}`);
    if (isRetryable(code)) this.#joinLater(wanted, error);
    else this.#refuse(wanted, error);
  }

  #place(name: string, reader: ChannelReader, placed: Placed, room?: RoomSubscription): void {
    const { seq, gap, reset, already } = placed;
    if (reset) reader.reset(seq);
    if (gap) reader.gap(gap.to);
    this.#begin(reader, seq);
    if (reset) this.#parts.emitter.emit('reset', { channel: name, seq });
    // An answer that came too late had let us in: what was sent since then was for nobody.
    if (already) reader.gap(Math.max(seq, room?.unheard ?? 0));
  }

  // --- rooms

  /** `since`: the last message that the application has; without it, what comes from now on. */
  join(room: string, since: Position | undefined, done: Done<JoinedRoom>): void {
    let wanted = this.#rooms.get(room);
    if (!wanted) {
      wanted = new RoomSubscription(room, this.#reader(`room:${room}`, since), this.#parts);
      this.#rooms.set(room, wanted);
    }
    wanted.wait(done, () => this.leave(room, () => {}));
    if (this.#isUp && !wanted.isAsked) this.#join(wanted);
  }

  #join(wanted: RoomSubscription): void {
    const { room, reader } = wanted;
    wanted.isAsked = true;
    const { place } = reader;
    const frame = { type: 'join', room, log: place?.log, since: place && onWire(place) };
    const read = (fields: Fields): { joined: JoinedRoom; placed: Placed } | undefined => {
      const joined = pick(fields, JOINED);
      const placed = pick(fields, PLACED);
      return joined && placed && { joined, placed };
    };
    const answered = (
      result: ReturnType<typeof read> extends infer Read ? Result<NonNullable<Read>> : never,
    ): void => {
      if (!this.#isWanted(wanted)) return;
      wanted.isAsked = false;
      if (!result.ok) return this.#notJoined(wanted, result.error);
      wanted.enter();
      this.#place(`room:${room}`, reader, result.value.placed, wanted);
      wanted.settle({ ok: true, value: result.value.joined });
    };
    this.#parts.requests.ask({ frame, read }, this.#scope.within(answered));
  }

  #notJoined(wanted: RoomSubscription, error: ClientError): void {
    if (isRetryable(error.code) || error.code === 'bad_server_frame' || error.code === 'queue_full')
      this.#joinLater(wanted, error);
    else this.#refuse(wanted, error);
  }

  #joinLater(wanted: RoomSubscription, error: ClientError): void {
    wanted.isAsked = true;
    const pauseMs = wanted.delay(error);
    this.#scope.after(pauseMs, () => {
      if (this.#isWanted(wanted)) this.#join(wanted);
    });
    if (this.#isWanted(wanted)) wanted.tellDelay(pauseMs);
  }

  /** One is not in a room, and will not be. */
  #refuse(wanted: RoomSubscription, error: ClientError): void {
    this.#drop(wanted);
    if (wanted.isKnown) this.#parts.emitter.emit('removed', { room: wanted.room, code: error.code });
    wanted.settle(failed(error));
  }

  #drop(wanted: RoomSubscription): void {
    this.#rooms.delete(wanted.room);
    wanted.reader.close();
    this.#parts.dropped(wanted.room);
  }

  leave(room: string, done: Done<void>): void {
    const wanted = this.#rooms.get(room);
    if (!wanted) return done(failed(failure('not_joined', `the room ${room} is not joined`)));
    this.#drop(wanted);
    wanted.settle(failed(failure('not_joined', `the room ${room} was left`)));
    if (this.#isUp && (wanted.isOn || wanted.isAsked)) this.#leaves.ask(room, done);
    else done({ ok: true, value: undefined });
  }

  // --- what the server says

  take(channel: string, entry: Entry): void {
    const base = this.#base.get(channel);
    if (base) {
      base.log = this.#log;
      return base.take(entry);
    }
    const wanted = this.#room(channel);
    if (wanted?.isOn) wanted.reader.take(entry);
    else if (wanted) wanted.unheard = entry.seq;
  }

  /** What a server will not send may still be read, but for what it does not have. */
  skipped(channel: string, to: number): void {
    this.#find(channel.startsWith('user:') ? 'user' : channel)?.gap(to);
  }

  /** What was sent of a channel behind `seq` is not in the log any more. */
  rewound(name: string, seq: number): void {
    const wanted = this.#room(name);
    const reader = this.#find(name);
    // Of a room that we do not know ourselves to be in, its answer says the same.
    if (!reader || (wanted && !wanted.isOn)) return;
    reader.log = this.#log;
    if (reader.rewound(seq)) this.#parts.emitter.emit('reset', { channel: name, seq });
  }

  /** The server has put us off a room. */
  putOff(room: string, code: 'removed' | 'gone'): void {
    const wanted = this.#rooms.get(room);
    if (!wanted) return;
    this.#drop(wanted);
    if (code === 'removed') this.#parts.emitter.emit('removed', { room, code: 'forbidden' });
    wanted.settle(failed(failure(code === 'gone' ? 'gone' : 'forbidden', `one is off the room ${room}`)));
  }
}
