import { ClientCore, type CoreOptions, type EventName, type Result } from '../../client/src/core.ts';
import type {
  ClientSocket,
  PostAnswer,
  PostRequest,
  Ports,
  Refusal,
  SocketHandlers,
} from '../../client/src/ports.ts';
import { Timeline } from '../../src/sim/kit/timeline.ts';

type Frame = Record<string, any>;

export const LOG = '11111111-1111-4111-8111-111111111111';

/** The server's end of one socket that a client has opened. */
export class ServerEnd {
  readonly protocols: readonly string[];
  readonly at: number;
  /** What the client has sent and no `take` has taken. */
  readonly frames: Frame[] = [];
  closedWith: number | undefined;
  /** The sign of life that a client begins with. */
  sign: Frame | undefined;
  readonly #handlers: SocketHandlers;
  readonly #answer: ((frame: Frame, end: ServerEnd) => void) | undefined;
  readonly #timeline: Timeline;

  constructor(
    handlers: SocketHandlers,
    world: {
      readonly protocols: readonly string[];
      readonly timeline: Timeline;
      readonly answer?: ServerEnd['answer'];
    },
  ) {
    this.#handlers = handlers;
    this.protocols = world.protocols;
    this.#timeline = world.timeline;
    this.#answer = world.answer;
    this.at = world.timeline.now;
  }

  get answer(): ((frame: Frame, end: ServerEnd) => void) | undefined {
    return this.#answer;
  }

  get socket(): ClientSocket {
    return {
      send: (text) => {
        const frame = JSON.parse(text) as Frame;
        this.frames.push(frame);
        // Never from within a call of the client's own.
        if (this.#answer) this.#timeline.after(0, () => this.#answer?.(frame, this));
      },
      close: (code) => void (this.closedWith ??= code ?? 1005),
    };
  }

  opened(): void {
    this.#handlers.opened();
  }

  raw(text: string): void {
    this.#handlers.message(text);
  }

  push(...frames: Frame[]): void {
    for (const frame of frames) this.raw(JSON.stringify(frame));
  }

  close(code = 1006, reason = ''): void {
    this.#handlers.closed(code, reason);
  }

  welcome(data: Frame = {}): void {
    this.opened();
    const { limits, ...more } = data;
    this.push({
      type: 'notification',
      action: 'welcome',
      data: {
        connection: 'conn:n1.1.1',
        user: 'alice',
        node: 'n1',
        protocol: 1,
        log: LOG,
        heartbeat: { intervalMs: 30_000, timeoutMs: 90_000 },
        limits: { frameBytes: 65_536, messagesPerMinute: 60, ...limits },
        channels: { broadcast: 3, user: 7 },
        expiresAt: '2026-01-01T01:00:00.000Z',
        time: '2026-01-01T00:00:00.000Z',
        ...more,
      },
    });
    // Each connection has one, behind the resume; it says nothing more than that.
    if (this.has('heartbeat')) this.sign = this.take('heartbeat');
  }

  /** The next frame of a type; those before it stay. */
  take(type: string): Frame {
    const at = this.frames.findIndex((frame) => frame['type'] === type);
    if (at < 0) throw new Error(`no ${type} among ${JSON.stringify(this.frames)}`);
    return this.frames.splice(at, 1)[0] as Frame;
  }

  has(type: string): boolean {
    return this.frames.some((frame) => frame['type'] === type);
  }

  ack(frame: Frame, fields: Frame = {}): void {
    this.push({ type: 'ack', id: frame['id'], ...fields });
  }

  refuse(frame: Frame, code: string, retryAfterMs?: number): void {
    this.push({ type: 'error', id: frame['id'], code, message: code, retryable: false, retryAfterMs });
  }

  /** Answers the `join` that was asked. */
  joined(fields: Frame = {}): Frame {
    const join = this.take('join');
    this.ack(join, { room: join['room'], access: 'public', metadata: {}, seq: 0, ...fields });
    return join;
  }

  resumed(channels: Frame): Frame {
    const resume = this.take('resume');
    this.ack(resume, { channels });
    return resume;
  }

  reset(channel: string, seq: number): void {
    this.push({ type: 'notification', action: 'reset', data: { channel, seq } });
  }

  chat(room: string, ...seqs: number[]): void {
    for (const seq of seqs) this.push(chatFrame(room, seq));
  }

  /** Answers a `history` from a log of so many messages that begins at `first`. */
  page(head: number, { first = 1, size = 200 }: { first?: number; size?: number } = {}): Frame {
    const frame = this.take('history');
    const from = Math.max(first, (frame['after'] as number) + 1);
    const to = Math.min(head, from + Math.min(size, frame['limit'] as number) - 1);
    const channel = frame['channel'] as string;
    const seqs = Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
    const messages = seqs.map((seq) =>
      channel.startsWith('room:') ? chatFrame(channel.slice(5), seq) : noticeFrame(channel, seq),
    );
    this.push({ type: 'history', id: frame['id'], channel, messages, more: to < head });
    return frame;
  }
}

const timestamp = '2026-01-01T00:00:00.000Z';

export function chatFrame(room: string, seq: number): Frame {
  return { type: 'chat', room, seq, id: `m-${seq}`, from: 'bob', content: `text ${seq}`, timestamp };
}

/** A client's position behind a message of {@link chatFrame}, and of {@link noticeFrame}. */
export const chatMark = (seq: number): Frame => ({ seq, id: `m-${seq}`, from: 'bob', timestamp });
export const noticeMark = (seq: number): Frame => ({ seq, id: `n-${seq}`, timestamp });

export function noticeFrame(channel: string, seq: number): Frame {
  return {
    type: 'notification',
    action: channel === 'user' ? 'user_event' : 'broadcast',
    seq,
    id: `n-${seq}`,
    data: { seq },
    timestamp,
  };
}

const EPOCH_MS = Date.UTC(2026, 0, 1);

export interface ClientWorldOptions extends Partial<CoreOptions> {
  /** 0 to 1, the same each time. */
  readonly chance?: number;
  /** What a server answers by itself, to each frame. */
  readonly answer?: (frame: Frame, end: ServerEnd) => void;
}

/** A client, a clock that moves when told to, and a server that says what a test makes it say. */
export class ClientWorld {
  readonly timeline = new Timeline();
  readonly core: ClientCore;
  readonly ends: ServerEnd[] = [];
  /** The client's own that are armed. */
  readonly timers = new Set<unknown>();
  readonly probes: { readonly token: string; readonly done: (refusal: Refusal | undefined) => void }[] = [];
  readonly posts: (PostRequest & { readonly done: (answer: PostAnswer | undefined) => void })[] = [];
  /** Everything that was told, as `[name, event]`. */
  readonly told: [EventName, any][] = [];
  /** The page that it is in, while it looks at that. */
  page: { readonly hidden: () => void; readonly shown: () => void } | undefined;
  /** How long the device has slept: its timers, and the clock that never falls, stood still. */
  sleptMs = 0;
  /** How far its wall clock is off. */
  wallOffMs = 0;
  #ids = 0;

  constructor({ chance = 0.5, answer, ...options }: ClientWorldOptions = {}) {
    const { timeline } = this;
    const ports: Ports = {
      open: (_, protocols, handlers) => {
        const end = new ServerEnd(handlers, { protocols, timeline, ...(answer ? { answer } : {}) });
        this.ends.push(end);
        return end.socket;
      },
      now: () => timeline.now,
      wall: () => this.serverNow + this.wallOffMs,
      after: (ms, run) => {
        const scheduled = timeline.after(ms, () => {
          this.timers.delete(scheduled);
          run();
        });
        this.timers.add(scheduled);
        return () => {
          this.timers.delete(scheduled);
          timeline.cancel(scheduled);
        };
      },
      random: () => chance,
      newId: () => `id-${++this.#ids}`,
      page: (hidden, shown) => {
        this.page = { hidden, shown };
        return () => void (this.page = undefined);
      },
      probe: (token, done) => void this.probes.push({ token, done }),
      end: () => {},
      post: (request, done) => void this.posts.push({ ...request, done }),
    };
    this.core = new ClientCore({ url: 'ws://host/ws', token: 'token-1', ...options }, ports);
    const names: EventName[] = [
      'state',
      'message',
      'user_event',
      'broadcast',
      'signal',
      'joined',
      'left',
      'presence',
      'members',
      'degraded',
      'draining',
      'room_closed',
      'removed',
      'delayed',
      'slowed',
      'resumed',
      'missed',
      'reset',
      'error',
    ];
    for (const name of names) this.core.on(name, (event) => void this.told.push([name, event]));
    this.core.start();
  }

  /** The newest socket. */
  get end(): ServerEnd {
    return this.ends.at(-1) as ServerEnd;
  }

  /** Time goes by, and what is due happens. */
  pass(ms: number): void {
    const until = this.timeline.now + ms;
    while (this.timeline.step(until)) {}
  }

  /** Milliseconds since 1970. */
  get serverNow(): number {
    return EPOCH_MS + this.timeline.now + this.sleptMs;
  }

  /** A JWT that is over in so many milliseconds by the server's clock. */
  jwt(inMs: number): string {
    const claims = { sub: 'älice', exp: (this.serverNow + inMs) / 1_000, jti: `t-${++this.#ids}` };
    return `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  }

  /** Welcomed, and resumed where it was. */
  up(data: Frame = {}): ServerEnd {
    const { end } = this;
    end.welcome(data);
    if (end.has('resume')) {
      const resume = end.take('resume');
      end.ack(resume, {
        channels: Object.fromEntries(
          Object.entries(resume['channels'] as Frame).map(([name, at]) => [name, { seq: at.seq ?? at }]),
        ),
      });
    }
    return end;
  }

  /** Joined to a room whose head is `seq`. */
  inRoom(room = 'lobby', seq = 0): ServerEnd {
    const end = this.up();
    this.core.join(room, {}, () => {});
    end.joined({ seq });
    return end;
  }

  /** The pause before the next attempt goes by. */
  rest(): void {
    this.pass(this.events('state').at(-1).retryAfterMs);
  }

  /** Lost, and connected again after a pause. */
  again(): ServerEnd {
    const before = this.ends.length;
    this.end.close();
    this.rest();
    if (this.ends.length === before) throw new Error('it did not come back');
    return this.end;
  }

  events(name: EventName): any[] {
    return this.told.filter(([told]) => told === name).map(([, event]) => event);
  }

  get states(): string[] {
    return this.events('state').map(({ state }) => state as string);
  }

  /** Seqs that the application has seen of a room. */
  seen(room = 'lobby'): number[] {
    return this.events('message').flatMap((message) => (message.room === room ? [message.seq] : []));
  }
}

/** Collects what is answered. */
export function answers<Value>(): {
  readonly results: Result<Value>[];
  readonly done: (result: Result<Value>) => void;
  readonly codes: () => string[];
} {
  const results: Result<Value>[] = [];
  return {
    results,
    done: (result) => void results.push(result),
    codes: () => results.map((result) => (result.ok ? 'ok' : result.error.code)),
  };
}
