import { connect, type Client, type ClientEvents, type VagusError } from '../../../client/src/index.ts';
import { Directory } from './directory.ts';
import { Room } from './room.ts';
import { askToken } from './sign-in.ts';

const PAGE = 40;
const TYPING_TOLD_MS = 2_000;
const TYPING_SHOWN_MS = 4_000;
const TROUBLE_SHOWN_MS = 10_000;

export interface Connection {
  readonly state: Client['state'];
  readonly why?: ClientEvents['state']['why'];
  /** The time of the next attempt, by `performance.now()`. */
  readonly retryAt?: number | undefined;
}

export interface SessionOptions {
  readonly user: string;
  readonly token: string;
  readonly changed: () => void;
  /** A message of another user, in any room. */
  readonly heard: (room: Room, from: string, content: string) => void;
}

/** The client of one tab, and the state that its events build. The views draw it. */
export class Session {
  readonly user: string;
  readonly rooms = new Map<string, Room>();
  /** Parts of the server that are unavailable for a while. */
  degraded: readonly string[] = [];
  /** The latest failure that no other part of the page shows. */
  trouble: string | undefined;
  /**
   * While the user's rate limit delays messages: when the next one goes, by `performance.now()`, and how often they go
   * then.
   */
  slowed: { readonly nextAt: number; readonly everyMs: number } | undefined;
  connection: Connection = { state: 'idle' };
  current: Room | undefined;
  /** The client was connected once, so a later failure is a loss. */
  wasAlive = false;
  readonly directory: Directory;
  readonly #client: Client;
  readonly #options: SessionOptions;
  #typingToldAt = -Infinity;

  constructor(options: SessionOptions) {
    const { user, token } = options;
    this.user = user;
    this.#options = options;
    let first: string | undefined = token;
    const nextToken = (): string | Promise<string> => {
      const given = first ?? askToken(user);
      first = undefined;
      return given;
    };
    const url = `${location.origin.replace(/^http/, 'ws')}/ws`;
    // 0: requests and messages wait until the server is back, however long that takes.
    this.#client = connect(url, { token: nextToken, sendTimeoutMs: 0, joinTimeoutMs: 0 });
    this.directory = new Directory(this.#client, this.rooms, options.changed);
    this.#listen();
  }

  /** Messages of this user that exist only here. `isFailed` counts those that need a click to resend. */
  unsent(isFailed: boolean): number {
    const all = [...this.rooms.values()].flatMap(({ pending }) => pending);
    return all.filter(({ failure }) => (failure !== undefined) === isFailed).length;
  }

  /** Whether the lists of users are current. */
  get isConnected(): boolean {
    return this.connection.state === 'alive' || this.connection.state === 'suspect';
  }

  #listen(): void {
    const client = this.#client;
    client.on('state', (event) => this.#stateChanged(event));
    client.on('message', ({ room, ...message }) => this.#heard(room, message));
    client.on('signal', ({ room, from, data }) => this.#signalled(room, from, data));
    for (const name of ['joined', 'left', 'presence', 'members'] as const)
      client.on(name, ({ room }) => this.directory.askMembersSoon(room));
    client.on('degraded', ({ features }) => {
      this.degraded = features;
      this.#options.changed();
    });
    client.on('missed', ({ channel, from, to }) => {
      this.#roomOf(channel)?.missed.push({ from, to });
      this.#options.changed();
    });
    client.on('reset', ({ channel, seq }) => {
      const room = this.#roomOf(channel);
      room?.reset(seq);
      if (room) void this.older(room);
    });
    client.on('delayed', ({ room: name, why }) => {
      const room = this.rooms.get(name);
      if (room) room.delayedBecause = why?.message;
      this.#options.changed();
    });
    client.on('slowed', ({ retryAfterMs, everyMs }) => {
      const isOver = retryAfterMs === undefined || everyMs === undefined;
      this.slowed = isOver ? undefined : { nextAt: performance.now() + retryAfterMs, everyMs };
      this.#options.changed();
    });
    client.on('error', ({ message }) => this.#failed(message));
    client.on('room_closed', ({ room }) => this.#shut(room, 'The room was deleted.'));
    client.on('removed', ({ room }) => this.#shut(room, 'You are not in this room any more.'));
  }

  #roomOf(channel: string): Room | undefined {
    return channel.startsWith('room:') ? this.rooms.get(channel.slice('room:'.length)) : undefined;
  }

  #stateChanged({ state, why, retryAfterMs }: ClientEvents['state']): void {
    if (state === 'alive') {
      this.wasAlive = true;
      this.directory.askRooms();
      for (const room of this.rooms.values()) {
        if (room.isJoined) this.directory.askMembersSoon(room.name);
        if (room.unreadBecause !== undefined) void this.older(room);
      }
    }
    const retryAt = retryAfterMs === undefined ? undefined : performance.now() + retryAfterMs;
    this.connection = { state, why, retryAt };
    this.#options.changed();
  }

  #failed(trouble: string): void {
    this.trouble = trouble;
    this.#options.changed();
    setTimeout(() => {
      if (this.trouble === trouble) this.trouble = undefined;
      this.#options.changed();
    }, TROUBLE_SHOWN_MS);
  }

  // --- rooms

  /** Shows a room, and enters it unless the user is in it. It never rejects: the room notes a failure. */
  async open(name: string): Promise<void> {
    const known = this.rooms.get(name);
    const isOpen = known?.isWritable === true;
    // A user who was removed from a room enters it anew.
    const room = known === undefined || known.closedBecause !== undefined ? new Room(name, known) : known;
    this.rooms.set(name, room);
    room.refusedBecause = undefined;
    this.show(room);
    if (isOpen) return;
    try {
      room.end = (await this.#client.join(name)).seq + 1;
    } catch (error) {
      room.refusedBecause = (error as VagusError).message;
      room.delayedBecause = undefined;
      return this.#options.changed();
    }
    room.isJoined = true;
    this.directory.askMembersSoon(name);
    this.directory.askRooms();
    await this.older(room);
  }

  show(room: Room): void {
    const left = this.current;
    this.current = room;
    room.unread = 0;
    // It was only there to show why.
    if (left && left !== room && left.refusedBecause !== undefined && !left.isKept)
      this.rooms.delete(left.name);
    this.#options.changed();
  }

  #shut(name: string, why: string): void {
    const room = this.rooms.get(name);
    if (room) room.closedBecause = why;
    this.directory.askRooms();
    this.#options.changed();
  }

  // --- messages

  /** Reads the page of history before the first known message. It never rejects: the room notes a failure. */
  async older(room: Room): Promise<void> {
    const before = room.messages[0]?.seq ?? room.end;
    if (room.isLoading || !room.hasOlder || before === undefined) return;
    room.isLoading = true;
    room.unreadBecause = undefined;
    this.#options.changed();
    const { log } = room;
    try {
      const page = await this.#client.history({ room: room.name, before, limit: PAGE });
      // The page belongs to an earlier log.
      if (log !== room.log) return;
      for (const entry of page.messages) if (entry.type === 'chat') room.take(entry);
      room.hasOlder = page.more;
    } catch (error) {
      if (log !== room.log) return;
      room.unreadBecause = (error as VagusError).message;
    }
    room.isLoading = false;
    this.#options.changed();
  }

  #heard(name: string, message: Omit<ClientEvents['message'], 'room'>): void {
    const room = this.rooms.get(name);
    if (!room) return;
    const isOwn = message.from === this.user;
    if (isOwn) room.settle(message.id);
    if (room.take(message) && !isOwn) {
      room.typing.delete(message.from);
      if (room !== this.current || document.hidden) room.unread++;
      this.#options.heard(room, message.from, message.content);
    }
    this.#options.changed();
  }

  send(room: Room, content: string): void {
    const id = newId();
    room.pending.push({ id, content, writtenAt: new Date().toISOString() });
    this.#typingToldAt = -Infinity;
    void this.#deliver(room, id, content);
  }

  /** Uses the same id: if the failed message was stored after all, the server stores no second one. */
  sendAgain(room: Room, id: string): void {
    const pending = room.pending.find((other) => other.id === id);
    if (!pending) return;
    pending.failure = undefined;
    void this.#deliver(room, id, pending.content);
  }

  /** Turns a message that was not stored into a draft again. */
  takeBack(room: Room, id: string): void {
    const content = room.settle(id)?.content;
    if (content === undefined) return;
    room.draft = room.draft === '' ? content : `${content}\n${room.draft}`;
    this.#options.changed();
  }

  async #deliver(room: Room, id: string, content: string): Promise<void> {
    this.#options.changed();
    try {
      const { seq, timestamp } = await this.#client.send(room.name, content, { id });
      room.settle(id);
      room.take({ seq, id, from: this.user, content, timestamp });
    } catch (error) {
      const pending = room.pending.find((other) => other.id === id);
      const { code, message } = error as VagusError;
      if (pending) pending.failure = { message, isOfContent: code === 'too_large' || code === 'bad_frame' };
    }
    this.#options.changed();
  }

  // --- typing

  /** Signals others, but not at each key. */
  typing(room: Room): void {
    const now = performance.now();
    if (now - this.#typingToldAt < TYPING_TOLD_MS) return;
    this.#typingToldAt = now;
    void this.#client.signal(room.name, { typing: true });
  }

  #signalled(name: string, from: string, data: unknown): void {
    const room = this.rooms.get(name);
    const isTyping = (data as { typing?: unknown } | null)?.typing === true;
    if (!room || from === this.user || !isTyping) return;
    room.typing.set(from, performance.now() + TYPING_SHOWN_MS);
    setTimeout(() => {
      if ((room.typing.get(from) ?? Infinity) <= performance.now()) room.typing.delete(from);
      this.#options.changed();
    }, TYPING_SHOWN_MS + 10);
    this.#options.changed();
  }

  close(): void {
    this.#client.close();
  }
}

/** `crypto.randomUUID` exists in secure contexts only, and a page opened by a network address is none. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');
}
