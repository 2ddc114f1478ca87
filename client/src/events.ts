import { textOf, type ClientError } from './errors.ts';
import type { ChatMessage, Entry, Published } from './wire/frames.ts';
import type { ClientState } from './connection/lifecycle-table.ts';

/** The client's events by name. `channel` is `broadcast`, `user` or `room:{id}`. */
export interface ClientEvents {
  /** `why`: the reason of the loss, or of the end. `retryAfterMs`: how long the client waits before its next attempt. */
  state: { readonly state: ClientState; readonly why?: ClientError; readonly retryAfterMs?: number };
  /** Each message of a joined room, once and in order. */
  message: ChatMessage;
  user_event: Published;
  broadcast: Published;
  signal: { readonly room: string; readonly from: string; readonly data: unknown };
  /** Other users who entered a room. */
  joined: { readonly room: string; readonly users: readonly string[] };
  /** Other users who left a room. */
  left: { readonly room: string; readonly users: readonly string[]; readonly reason?: string };
  presence: {
    readonly room: string;
    readonly user: string;
    readonly state: 'alive' | 'suspect';
    readonly since: string;
  };
  /**
   * In a large room: the number of users, instead of names. With `users`, the complete list, names are reported from here
   * on. A list (`members`) that was read again is reported like this too.
   */
  members: { readonly room: string; readonly count: number; readonly users?: readonly string[] };
  /** Parts of the server that are unavailable for a while; empty when all work. */
  degraded: { readonly features: readonly string[] };
  /** The server is shutting down. The client reconnects by itself. */
  draining: { readonly retryAfterMs: number };
  /** The room was deleted. The client does not join it again. */
  room_closed: { readonly room: string };
  /** The client is out of a room and cannot return: `code` has the reason. */
  removed: { readonly room: string; readonly code: string };
  /**
   * A room is temporarily unavailable, and the client retries: `why` is the server's error. Without `why` the room is
   * available again.
   */
  delayed: { readonly room: string; readonly why?: ClientError; readonly retryAfterMs?: number };
  /**
   * The user's rate limit delays messages: the next one goes after `retryAfterMs`, then one every `everyMs`, unless other
   * requests use the limit up. The event repeats with each stored message. Without both fields the delay is over.
   */
  slowed: { readonly retryAfterMs?: number; readonly everyMs?: number };
  /** After a reconnect the client is in the room again, and `signal` works. */
  resumed: { readonly room: string };
  /** Messages that the server no longer has. The bounds are inclusive. */
  missed: { readonly channel: string; readonly from: number; readonly to: number };
  /** A log restarts, or is another one: earlier messages and positions mean nothing. It continues after `seq`. */
  reset: { readonly channel: string; readonly seq: number };
  /** Errors that belong to no request. */
  error: ClientError;
}

export type EventName = keyof ClientEvents;

export type Listener<Name extends EventName> = (event: ClientEvents[Name]) => void;

/** Listeners by event. The exception of one is reported as `error`, and the others still run. */
export class Emitter {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();

  /** Adds a listener. Returns a function that removes it. */
  on<Name extends EventName>(name: Name, listener: Listener<Name>): () => void {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => this.off(name, listener);
  }

  off<Name extends EventName>(name: Name, listener: Listener<Name>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  emit<Name extends EventName>(name: Name, event: ClientEvents[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])])
      this.guard(() => (listener as Listener<Name>)(event), name === 'error');
  }

  /** Emits an entry of a log as its event. */
  deliver(entry: Entry): void {
    const { type, ...event } = entry;
    this.emit(type === 'chat' ? 'message' : type, event);
  }

  /** Runs a function of the application. */
  guard(run: () => void, isErrorListener = false): void {
    try {
      run();
    } catch (cause) {
      if (isErrorListener) return;
      this.emit('error', { code: 'listener_failed', message: `a listener threw: ${textOf(cause)}`, cause });
    }
  }
}
