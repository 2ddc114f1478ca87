import type { ClientCore, ClientError, Result, SentMessage } from 'vagus-client/core';
import { clientChannel, type Channel } from '../../protocol/channels.ts';
import type { Committed, Mark } from './histories.ts';
import type { WireWorld } from './wire-owner.ts';

/** A message or event as the SDK shows it. */
interface ShownEntry {
  readonly seq: number;
  readonly id: string;
  readonly from?: string;
  readonly timestamp: string;
  readonly content?: string;
  readonly data?: unknown;
}

/** A message that the application has sent. */
export interface Sent {
  readonly room: string;
  readonly id: string;
  readonly content: string;
  /** Where the SDK reported it to be. */
  place: Mark | undefined;
  /** The SDK has not answered yet. */
  isOpen: boolean;
  /** When the application last sent it, in virtual time. */
  at: number;
}

/**
 * Compares what the SDK reports with the log. Each message of a channel must appear once and in order, over all connections
 * and, by its positions, over all runs of the application. Each message sent must be answered once, and truthfully.
 */
export class ApplicationChecker {
  readonly #who: string;
  readonly #user: string;
  readonly #world: WireWorld;
  /** The last seq of each channel that the SDK showed. */
  readonly #shown = new Map<string, number>();
  /** That message, unless the SDK reported it as lost. */
  readonly #last = new Map<string, Committed>();
  /** The seq from which on the shown messages contradict the earlier ones. A reset to before it must follow. */
  readonly #mixed = new Map<string, number>();
  readonly #sent = new Map<string, Sent>();
  /** Requests without an answer. */
  readonly #asked = new Set<{ readonly what: string }>();

  constructor(who: string, user: string, world: WireWorld) {
    this.#who = who;
    this.#user = user;
    this.#world = world;
  }

  #channel(name: string): Channel {
    const channel = clientChannel(name, this.#user);
    if (!channel) throw new Error(`${name} is no channel`);
    return channel;
  }

  // --- shown messages

  /** The application has a new client, which knows nothing of the previous one. */
  watch(core: ClientCore): void {
    // On `broadcast` and `user` the new client begins where the server accepts it.
    for (const name of ['broadcast', 'user']) this.#forget(name);
    core.on('message', (message) => this.#isShown(`room:${message.room}`, message));
    core.on('user_event', (event) => this.#isShown('user', event));
    core.on('broadcast', (event) => this.#isShown('broadcast', event));
    core.on('missed', ({ channel, from, to }) => this.#missed(channel, from, to));
    core.on('reset', ({ channel, seq }) => this.#reset(channel, seq));
    core.on('room_closed', ({ room }) => this.left(room));
    core.on('error', ({ code, message }) => {
      if (code === 'listener_failed' || code === 'bad_server_frame')
        this.#world.violate(4, `${this.#who} has an error ${code}: ${message}`);
    });
  }

  /** The position of the application in a room; undefined if it was never there. */
  position(room: string): number | undefined {
    return this.#shown.get(`room:${room}`);
  }

  joined(room: string, seq: number): void {
    if (!this.#shown.has(`room:${room}`)) this.#shown.set(`room:${room}`, seq);
  }

  /** The application gives up its position in the room. */
  left(room: string): void {
    this.#forget(`room:${room}`);
  }

  #forget(name: string): void {
    this.#shown.delete(name);
    this.#last.delete(name);
    this.#mixed.delete(name);
  }

  #reset(name: string, seq: number): void {
    this.#shown.set(name, seq);
    this.#last.delete(name);
    if (seq < (this.#mixed.get(name) ?? 0)) this.#mixed.delete(name);
  }

  #isShown(name: string, { seq, id, from, timestamp, content, data }: ShownEntry): void {
    const { violate, log } = this.#world;
    const last = this.#shown.get(name);
    if (last !== undefined && seq !== last + 1)
      violate(4, `the application of ${this.#who} is shown ${name} ${seq} after ${last}`);
    this.#shown.set(name, seq);
    const channel = this.#channel(name);
    const before = this.#last.get(name);
    const stored = log.everAt(channel, { seq, id, from, timestamp });
    const isSame = name.startsWith('room:')
      ? stored?.content === content
      : stored?.data === JSON.stringify(data);
    if (!stored || !isSame) {
      const found = log.entry(channel, seq)?.id;
      return violate(
        3,
        `the application of ${this.#who} is shown ${name} ${seq} as ${id}; the log has ${found}`,
      );
    }
    // The SDK reads from the current log. What it got live may be from an earlier timeline, and a reset must follow.
    if (before && !log.hadBoth(channel, before, stored) && !this.#mixed.has(name)) this.#mixed.set(name, seq);
    this.#last.set(name, stored);
  }

  /** Only deleted messages may be missing. */
  #missed(name: string, from: number, to: number): void {
    const { violate, log } = this.#world;
    const last = this.#shown.get(name);
    const isDeleted = name.startsWith('room:') && to <= log.deletedTo(this.#channel(name), -Infinity);
    if (!isDeleted) violate(4, `${this.#who} learns that ${name} ${from}..${to} is missed, and it is there`);
    if (last !== undefined && from > last + 1)
      violate(4, `${this.#who} is at ${name} ${last}, and told that ${from}..${to} is missed`);
    this.#reset(name, Math.max(to, last ?? 0));
  }

  // --- requests and messages

  /** The application makes a request, such as `a join of …`. Returns a function to call with its answer. */
  asks(what: string): () => void {
    const asked = { what };
    this.#asked.add(asked);
    return () => {
      if (!this.#asked.delete(asked)) this.#world.violate(15, `${this.#who} is answered twice about ${what}`);
    };
  }

  /** The application sends a message, or resends it. */
  sends(id: string, room: string, content: string): Sent {
    const at = this.#world.timeline.now;
    const sent = this.#sent.get(id) ?? { room, id, content, place: undefined, isOpen: true, at };
    sent.isOpen = true;
    sent.at = at;
    this.#sent.set(id, sent);
    return sent;
  }

  /** A few messages that the SDK reported as stored. */
  get stored(): readonly Sent[] {
    return [...this.#sent.values()].filter(({ place, isOpen }) => place && !isOpen).slice(-10);
  }

  answered(sent: Sent, result: Result<SentMessage>): void {
    const { log, violate } = this.#world;
    const channel = this.#channel(`room:${sent.room}`);
    if (!sent.isOpen) violate(15, `${this.#who} is answered twice when it sends ${sent.id}`);
    sent.isOpen = false;
    if (!result.ok) return this.#refused(sent, result.error);
    const { seq, timestamp } = result.value;
    const told = { seq, id: sent.id, from: this.#user, timestamp };
    const before = sent.place && log.everAt(channel, sent.place);
    const stored = log.everAt(channel, told);
    if (!stored || log.hadSince(channel, told, sent.at) === 'never') {
      const found = log.entry(channel, seq)?.id;
      return violate(6, `${this.#who} learns that ${sent.id} is at ${sent.room} ${seq}, where ${found} is`);
    }
    // A message lost by a failover and resent is another entry.
    const isKept = before && before.seq !== seq && log.hadBoth(channel, before, stored);
    if (isKept && before.seq > log.deletedTo(channel))
      violate(7, `${this.#who} learns that ${sent.id} is at ${seq}, and before that it was ${before.seq}`);
    sent.place = told;
  }

  #refused({ room, id, place }: Sent, { code }: ClientError): void {
    const channel = this.#channel(`room:${room}`);
    const mayBeStored = code === 'outcome_unknown' || place !== undefined;
    if (mayBeStored) return;
    this.#world.log.deny(channel, this.#user, id, `${this.#who} got ${code} for it`);
    if (this.#world.log.find(channel, this.#user, id))
      this.#world.violate(6, `${this.#who} gets ${code} for ${id}, and it is stored`);
  }

  // --- at rest

  /** Channels that should be at the head and are not, and requests without an answer (invariants 5 and 15). */
  unfinished(rooms: Iterable<string>): string[] {
    const names = ['broadcast', 'user', ...[...rooms].map((room) => `room:${room}`)];
    const behind = names.flatMap((name) => {
      const at = this.#shown.get(name);
      const last = this.#last.get(name);
      const isGone = last && !this.#world.log.has(this.#channel(name), last);
      if (isGone || (last && this.#mixed.has(name)))
        return [`the application of ${this.#who} is at ${name} ${last.seq} ${last.id}, which is gone (PU2)`];
      const head = this.#world.log.head(this.#channel(name));
      return at === undefined || at === head
        ? []
        : [`the application of ${this.#who} is at ${name} ${at} of ${head}`];
    });
    const open = [...this.#sent.values()].filter(({ isOpen }) => isOpen);
    const unanswered = [...open.map(({ id }) => id), ...[...this.#asked].map(({ what }) => what)];
    return [...behind, ...unanswered.map((what) => `${this.#who} has no answer to ${what}`)];
  }
}
