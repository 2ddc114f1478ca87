import { PAUSE_MS } from './connection/backoff.ts';
import { ChannelReader } from './channel.ts';
import { failed, failure, isRetryable, type ClientError, type Done, type Result } from './codes.ts';
import { ConnectionScope } from './connection/connection-scope.ts';
import type { Entry, JoinedRoom, Welcome } from './wire/frames.ts';
import { Leaves } from './leaves.ts';
import { onWire, placesOf, type Position } from './position.ts';
import { slicesOf, type Slice } from './slices.ts';
import { Wish, type WishParts } from './wish.ts';
import type { Pages } from './pages.ts';
import type { Requests } from './connection/requests.ts';
import { isObject, isText, JOINED, pick, PLACED, type Fields, type Placed } from './wire/frame-schemas.ts';

const BASE = ['broadcast', 'user'];

export interface SubscriptionParts extends WishParts {
  readonly requests: Requests;
  readonly pages: Pages;
}

/**
 * The channels of a client: the two of everyone, and the rooms it wants to be in, until it leaves them or is refused.
 * Each connection is asked to go on where the last one stopped.
 */
export class Subscriptions {
  readonly #parts: SubscriptionParts;
  readonly #scope: ConnectionScope;
  readonly #leaves: Leaves;
  readonly #base = new Map<string, ChannelReader>();
  readonly #wishes = new Map<string, Wish>();
  #log: string | undefined;
  #isUp = false;
  #frameBytes = Infinity;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#scope = new ConnectionScope(parts.ports);
    this.#leaves = new Leaves({ ...parts, isWanted: (room) => this.#wishes.has(room) });
    for (const name of BASE) this.#base.set(name, this.#reader(name));
  }

  /** Behind which message one is in each channel. */
  positions(): Record<string, Position> {
    return Object.fromEntries(placesOf(this.#readers()));
  }

  wish(room: string): Wish | undefined {
    return this.#wishes.get(room);
  }

  #readers(): [string, ChannelReader][] {
    const rooms = [...this.#wishes.values()].map(({ room, reader }) => [`room:${room}`, reader] as const);
    return [...this.#base, ...rooms] as [string, ChannelReader][];
  }

  #reader(channel: string, position?: Position): ChannelReader {
    const { emitter, pages } = this.#parts;
    const world = {
      deliver: (entry: Entry) => emitter.deliver(entry),
      missed: (from: number, to: number) => emitter.emit('missed', { channel, from, to }),
      read: (after: number, isAgain: boolean, done: Parameters<Pages['read']>[0]['done']) =>
        pages.read({ channel, after, done, isWanted: () => this.#find(channel) === reader }, isAgain),
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
    const wishes = [...this.#wishes.values()];
    const known = wishes.filter(({ isKnown, reader }) => isKnown && reader.position !== undefined);
    this.#resume([...BASE, ...known.map(({ room }) => `room:${room}`)]);
    for (const wish of wishes) if (!known.includes(wish) && this.#isUp) this.#join(wish);
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
    for (const wish of this.#wishes.values()) wish.lost();
    this.#leaves.lost();
  }

  end(error: ClientError): void {
    this.lost();
    for (const [, reader] of this.#readers()) reader.close();
    const wishes = [...this.#wishes.values()];
    this.#wishes.clear();
    for (const wish of wishes) wish.settle(failed(error));
  }

  /** The server holds each place against its log, and says what of it means nothing any more. */
  #resume(names: readonly string[]): void {
    const readers = names.flatMap((name) => {
      const reader = this.#find(name);
      return reader ? [[name, reader] as const] : [];
    });
    for (const slice of slicesOf(placesOf(readers), this.#frameBytes)) this.#resumeSome(slice);
  }

  #resumeSome({ log, names, channels }: Slice): void {
    const readers = new Map<string, ChannelReader>();
    for (const name of names) {
      readers.set(name, this.#find(name) as ChannelReader);
      // Whoever leaves meanwhile must say so: the server will have let us in.
      const wish = this.#wish(name);
      if (wish) wish.isAsked = true;
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
    const wishes = names.flatMap((name) => this.#wish(name) ?? []);
    const pauseMs = Math.max(error.retryAfterMs ?? PAUSE_MS, ...wishes.map((wish) => wish.delay(error)));
    this.#scope.after(pauseMs, () => this.#resume(names));
    // Told last: a listener may leave, or close everything.
    for (const wish of wishes) if (this.#isWanted(wish)) wish.tellDelay(pauseMs);
  }

  #isWanted(wish: Wish): boolean {
    return this.#wishes.get(wish.room) === wish;
  }

  /** Of a channel that is a room's. */
  #wish(name: string): Wish | undefined {
    return name.startsWith('room:') ? this.#wishes.get(name.slice(5)) : undefined;
  }

  #find(name: string): ChannelReader | undefined {
    return this.#base.get(name) ?? this.#wish(name)?.reader;
  }

  #resumed(name: string, reader: ChannelReader, reply: unknown): void {
    // It was left, and perhaps wanted again: then this is said of what was before.
    if (this.#find(name) !== reader) return;
    const wish = this.#wish(name);
    if (wish) wish.isAsked = false;
    const placed = pick(reply, PLACED);
    if (placed) {
      if (wish) wish.enter();
      this.#place(name, reader, placed, wish);
      // Who wants to be in meanwhile is told what the room is.
      return wish?.isWaitedFor && this.#isWanted(wish) && !wish.isAsked ? this.#join(wish) : undefined;
    }
    // The two channels of everyone go on by themselves as soon as they can.
    if (!wish) return void (reader.isUnplaced = true);
    const code = isObject(reply) && isText(reply['error']) ? (reply['error'] as string) : 'unavailable';
    const error = failure(code, `the room ${wish.room} is not to be had: ${code}`);
    if (isRetryable(code)) this.#joinLater(wish, error);
    else this.#refuse(wish, error);
  }

  #place(name: string, reader: ChannelReader, { seq, gap, reset, already }: Placed, wish?: Wish): void {
    if (reset) reader.reset(seq);
    if (gap) reader.gap(gap.to);
    this.#begin(reader, seq);
    if (reset) this.#parts.emitter.emit('reset', { channel: name, seq });
    // An answer that came too late had let us in: what was sent since then was for nobody.
    if (already) reader.gap(Math.max(seq, wish?.unheard ?? 0));
  }

  // --- rooms

  /** `since`: the last message that the application has; without it, what comes from now on. */
  join(room: string, since: Position | undefined, done: Done<JoinedRoom>): void {
    let wish = this.#wishes.get(room);
    if (!wish) {
      wish = new Wish(room, this.#reader(`room:${room}`, since), this.#parts);
      this.#wishes.set(room, wish);
    }
    wish.wait(done, () => this.leave(room, () => {}));
    if (this.#isUp && !wish.isAsked) this.#join(wish);
  }

  #join(wish: Wish): void {
    const { room, reader } = wish;
    wish.isAsked = true;
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
      if (!this.#isWanted(wish)) return;
      wish.isAsked = false;
      if (!result.ok) return this.#notJoined(wish, result.error);
      wish.enter();
      this.#place(`room:${room}`, reader, result.value.placed, wish);
      wish.settle({ ok: true, value: result.value.joined });
    };
    this.#parts.requests.ask({ frame, read }, this.#scope.within(answered));
  }

  #notJoined(wish: Wish, error: ClientError): void {
    if (isRetryable(error.code) || error.code === 'bad_server_frame' || error.code === 'queue_full')
      this.#joinLater(wish, error);
    else this.#refuse(wish, error);
  }

  #joinLater(wish: Wish, error: ClientError): void {
    wish.isAsked = true;
    const pauseMs = wish.delay(error);
    this.#scope.after(pauseMs, () => {
      if (this.#isWanted(wish)) this.#join(wish);
    });
    if (this.#isWanted(wish)) wish.tellDelay(pauseMs);
  }

  /** One is not in a room, and will not be. */
  #refuse(wish: Wish, error: ClientError): void {
    this.#drop(wish);
    if (wish.isKnown) this.#parts.emitter.emit('removed', { room: wish.room, code: error.code });
    wish.settle(failed(error));
  }

  #drop(wish: Wish): void {
    this.#wishes.delete(wish.room);
    wish.reader.close();
    this.#parts.dropped(wish.room);
  }

  leave(room: string, done: Done<void>): void {
    const wish = this.#wishes.get(room);
    if (!wish) return done(failed(failure('not_joined', `the room ${room} is not joined`)));
    this.#drop(wish);
    wish.settle(failed(failure('not_joined', `the room ${room} was left`)));
    if (this.#isUp && (wish.isOn || wish.isAsked)) this.#leaves.ask(room, done);
    else done({ ok: true, value: undefined });
  }

  // --- what the server says

  take(channel: string, entry: Entry): void {
    const base = this.#base.get(channel);
    if (base) {
      base.log = this.#log;
      return base.take(entry);
    }
    const wish = this.#wish(channel);
    if (wish?.isOn) wish.reader.take(entry);
    else if (wish) wish.unheard = entry.seq;
  }

  /** What a server will not send may still be read, but for what it does not have. */
  skipped(channel: string, to: number): void {
    this.#find(channel.startsWith('user:') ? 'user' : channel)?.gap(to);
  }

  /** What was sent of a channel behind `seq` is not in the log any more. */
  rewound(name: string, seq: number): void {
    const wish = this.#wish(name);
    const reader = this.#find(name);
    // Of a room that we do not know ourselves to be in, its answer says the same.
    if (!reader || (wish && !wish.isOn)) return;
    reader.log = this.#log;
    if (reader.rewound(seq)) this.#parts.emitter.emit('reset', { channel: name, seq });
  }

  /** The server has put us off a room. */
  putOff(room: string, code: 'removed' | 'gone'): void {
    const wish = this.#wishes.get(room);
    if (!wish) return;
    this.#drop(wish);
    if (code === 'removed') this.#parts.emitter.emit('removed', { room, code: 'forbidden' });
    wish.settle(failed(failure(code === 'gone' ? 'gone' : 'forbidden', `one is off the room ${room}`)));
  }
}
