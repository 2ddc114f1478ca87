import type { ClientCore, ClientError, Result, SentMessage } from 'vagus-client/core';
import { clientChannel, type Channel } from '../protocol/channels.ts';
import type { Committed } from './histories.ts';
import type { WireWorld } from './wire-owner.ts';

/** A message or event as the SDK shows it. */
interface ShownEntry {
  readonly seq: number;
  readonly id: string;
  readonly from?: string;
  readonly content?: string;
  readonly data?: unknown;
}

/** Something that the application has sent. */
export interface Sent {
  readonly room: string;
  readonly id: string;
  readonly content: string;
  /** As it was told. */
  seq: number | undefined;
  /** It has no answer yet. */
  isOpen: boolean;
  /** When it was sent last, by virtual time. */
  at: number;
}

/**
 * What the SDK tells its application, held against the log: each message of a channel once and in order, over all
 * connections and, by its positions, over all runs of the application; each message sent answered once, and truly.
 */
export class ApplicationChecker {
  readonly #who: string;
  readonly #user: string;
  readonly #world: WireWorld;
  /** The last seq that the application was shown of each channel. */
  readonly #shown = new Map<string, number>();
  /** The message of that, as long as it was not told that it is gone. */
  readonly #last = new Map<string, Committed>();
  /** From which seq on it was shown what does not belong to what it was shown before: a reset to before that is due. */
  readonly #mixed = new Map<string, number>();
  readonly #sent = new Map<string, Sent>();
  /** What it has asked for and has no answer to. */
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

  // --- what it is shown

  /** The application has a new client, which knows nothing of the one before. */
  watch(core: ClientCore): void {
    // Of the two channels of everyone it begins where it is let in.
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

  /** Where it would go on in a room; undefined: it has never been there. */
  position(room: string): number | undefined {
    return this.#shown.get(`room:${room}`);
  }

  joined(room: string, seq: number): void {
    if (!this.#shown.has(`room:${room}`)) this.#shown.set(`room:${room}`, seq);
  }

  /** It does not want to go on there. */
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

  #isShown(name: string, { seq, id, from, content, data }: ShownEntry): void {
    const { violate, log } = this.#world;
    const last = this.#shown.get(name);
    if (last !== undefined && seq !== last + 1)
      violate(4, `the application of ${this.#who} is shown ${name} ${seq} after ${last}`);
    this.#shown.set(name, seq);
    const channel = this.#channel(name);
    const before = this.#last.get(name);
    const stored = log.everAt(channel, { seq, id, from }, before);
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
    // What it reads is of the log as it is; what it was sent live may be of before, and is to be reset yet.
    if (before && !log.hadBoth(channel, before, stored) && !this.#mixed.has(name)) this.#mixed.set(name, seq);
    this.#last.set(name, stored);
  }

  /** Only what was deleted is not to be had any more. */
  #missed(name: string, from: number, to: number): void {
    const { violate, log } = this.#world;
    const last = this.#shown.get(name);
    const isDeleted = name.startsWith('room:') && to <= log.deletedTo(this.#channel(name), -Infinity);
    if (!isDeleted) violate(4, `${this.#who} is told that ${name} ${from}..${to} is missed, and it is there`);
    if (last !== undefined && from > last + 1)
      violate(4, `${this.#who} is at ${name} ${last}, and told that ${from}..${to} is missed`);
    this.#reset(name, Math.max(to, last ?? 0));
  }

  // --- what it asks for and sends

  /** It asks for something, `a join of …` say. Returns what is called when that is answered. */
  asks(what: string): () => void {
    const asked = { what };
    this.#asked.add(asked);
    return () => {
      if (!this.#asked.delete(asked)) this.#world.violate(15, `${this.#who} is answered twice about ${what}`);
    };
  }

  /** It sends something, or sends it again. */
  sends(id: string, room: string, content: string): Sent {
    const at = this.#world.timeline.now;
    const sent = this.#sent.get(id) ?? { room, id, content, seq: undefined, isOpen: true, at };
    sent.isOpen = true;
    sent.at = at;
    this.#sent.set(id, sent);
    return sent;
  }

  /** A few that it was told are stored. */
  get stored(): readonly Sent[] {
    return [...this.#sent.values()].filter(({ seq, isOpen }) => seq !== undefined && !isOpen).slice(-10);
  }

  answered(sent: Sent, result: Result<SentMessage>): void {
    const { log, violate } = this.#world;
    const channel = this.#channel(`room:${sent.room}`);
    if (!sent.isOpen) violate(15, `${this.#who} is answered twice when it sends ${sent.id}`);
    sent.isOpen = false;
    if (!result.ok) return this.#refused(sent, result.error);
    const { seq } = result.value;
    const told = { seq, id: sent.id, from: this.#user };
    const before = sent.seq === undefined ? undefined : log.everAt(channel, { ...told, seq: sent.seq });
    const stored = log.everAt(channel, told, before);
    if (!stored || log.hadSince(channel, told, sent.at) === 'never') {
      const found = log.entry(channel, seq)?.id;
      return violate(6, `${this.#who} is told that ${sent.id} is at ${sent.room} ${seq}, where ${found} is`);
    }
    // Lost by a failover and sent again it is another entry.
    const isKept = before && before.seq !== seq && log.hadBoth(channel, before, stored);
    if (isKept && before.seq > log.deletedTo(channel))
      violate(7, `${this.#who} is told that ${sent.id} is at ${seq}, and it was told ${before.seq} before`);
    sent.seq = seq;
  }

  #refused({ room, id, seq }: Sent, { code }: ClientError): void {
    const channel = this.#channel(`room:${room}`);
    const mayBeStored = code === 'outcome_unknown' || seq !== undefined;
    if (mayBeStored) return;
    this.#world.log.deny(channel, this.#user, id, `${this.#who} was told ${code} of it`);
    if (this.#world.log.find(channel, this.#user, id))
      this.#world.violate(6, `${this.#who} is told ${code} of ${id}, and it is stored`);
  }

  // --- at rest

  /** Where it should be at the head and is not, and what it has no answer to (invariants 5 and 15). */
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
