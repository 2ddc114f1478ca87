import { textOf, type ClientError } from './errors.ts';
import type { ChatMessage, Entry, Published } from './wire/frames.ts';
import type { ClientState } from './connection/lifecycle-table.ts';

/** What a client tells, by name. `channel` is `broadcast`, `user` or `room:{id}`. */
export interface ClientEvents {
  /** `why`: what a connection was lost by, or what the end was. `retryAfterMs`: how long it waits now. */
  state: { readonly state: ClientState; readonly why?: ClientError; readonly retryAfterMs?: number };
  /** Each message of a joined room, once and in order. */
  message: ChatMessage;
  user_event: Published;
  broadcast: Published;
  signal: { readonly room: string; readonly from: string; readonly data: unknown };
  /** Others, who came into a room. */
  joined: { readonly room: string; readonly users: readonly string[] };
  /** Others, who left. */
  left: { readonly room: string; readonly users: readonly string[]; readonly reason?: string };
  presence: {
    readonly room: string;
    readonly user: string;
    readonly state: 'alive' | 'suspect';
    readonly since: string;
  };
  /**
   * In a room of many: how many, instead of who. With `users`, all of them, it is told by name from here on. A list
   * (`members`) that was read again is told so too.
   */
  members: { readonly room: string; readonly count: number; readonly users?: readonly string[] };
  /** What does not work on the server for a while; empty: all does. */
  degraded: { readonly features: readonly string[] };
  /** The server goes away; the client comes back by itself. */
  draining: { readonly retryAfterMs: number };
  /** The room was deleted; it is not joined again. */
  room_closed: { readonly room: string };
  /** One is off a room, and not let in again: `code` says why. */
  removed: { readonly room: string; readonly code: string };
  /**
   * A room is not to be had for a while, and is tried again: `why` says what the server said. Without `why`, it is had
   * again.
   */
  delayed: { readonly room: string; readonly why?: ClientError; readonly retryAfterMs?: number };
  /**
   * The user's rate holds messages back: the next one goes in `retryAfterMs`, and then one every `everyMs`, unless something
   * else uses the rate up. Told again with each that is stored. Without either: nothing is held back any more.
   */
  slowed: { readonly retryAfterMs?: number; readonly everyMs?: number };
  /** After a reconnect one is in the room again, and `signal` works. */
  resumed: { readonly room: string };
  /** Messages that the server does not have any more; bounds inclusive. */
  missed: { readonly channel: string; readonly from: number; readonly to: number };
  /** A log begins anew, or is another one: what one had of it means nothing. It goes on after `seq`. */
  reset: { readonly channel: string; readonly seq: number };
  /** What belongs to no request. */
  error: ClientError;
}

export type EventName = keyof ClientEvents;

export type Listener<Name extends EventName> = (event: ClientEvents[Name]) => void;

/** Listeners by event. One that throws is reported as `error`, and hurts nobody else. */
export class Emitter {
  readonly #listeners = new Map<EventName, Set<Listener<never>>>();

  /** Returns what takes it off again. */
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

  /** An entry of a log, as the event that it is. */
  deliver(entry: Entry): void {
    const { type, ...event } = entry;
    this.emit(type === 'chat' ? 'message' : type, event);
  }

  /** Runs something of the application's. */
  guard(run: () => void, isErrorListener = false): void {
    try {
      run();
    } catch (cause) {
      if (isErrorListener) return;
      this.emit('error', { code: 'listener_failed', message: `a listener threw: ${textOf(cause)}`, cause });
    }
  }
}
