import { announcementOf } from '../../protocol/publication.ts';
import { channelId, channelKind, type Channel } from '../../protocol/channels.ts';
import type { Announcer, LiveRoom } from '../../runtime/ports/announcer.ts';
import type { Entry } from '../../runtime/ports/log-store.ts';
import type { Telemetry } from '../../runtime/ports/telemetry.ts';
import type { RedisLine } from './redis-line.ts';

/** A room's live state is written at most this often (LC4). */
const WRITE_EVERY_MS = 5_000;

/** How long it is kept after the room's last activity (LC4). */
const KEEP_MS = 24 * 3_600_000;

/** Rooms written at once; the others wait for their turn. */
const WRITES_MAX = 256;

/** Rooms whose live state waits to be written; of further ones the state is not written this time. */
const WAITING_MAX = 65_536;

/** UTF-16 units of announcements that Redis has not taken yet; further ones are lost. */
const UNTAKEN_MAX = 4 * 1024 * 1024;

export interface RedisAnnouncerOptions {
  readonly line: RedisLine;
  /** The node's name. */
  readonly node: string;
  /** Keys begin with it. */
  readonly prefix: string;
  /** Channels of other programs begin with it; undefined: no message is announced. */
  readonly egressPrefix: string | undefined;
  readonly telemetry: Telemetry;
}

type Fields = Readonly<Record<string, string | number>>;

/** Tells other programs by Redis what homes on this node do (RC2, LC4). */
export class RedisAnnouncer implements Announcer {
  readonly #options: RedisAnnouncerOptions;
  /** Rooms with a state that is not written yet. */
  readonly #rooms = new Map<string, Fields>();
  #untaken = 0;
  #isWriting = false;
  #wroteAt = -Infinity;

  constructor(options: RedisAnnouncerOptions) {
    this.#options = options;
  }

  stored(channel: Channel, entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last && channelKind(channel) === 'room') this.live(channelId(channel), { head: last.seq });
    // These channels are the nodes' own (RS5).
    if (this.#options.egressPrefix === undefined || channel.startsWith('user:svc:')) return;
    const name = this.#options.egressPrefix + channel;
    for (const entry of entries) this.#announce(name, announcementOf(channel, entry));
  }

  #announce(name: string, text: string): void {
    const { line, telemetry } = this.#options;
    if (this.#untaken + text.length > UNTAKEN_MAX) return telemetry.count('announced_lost', 1);
    this.#untaken += text.length;
    line.publish(name, text, (isPublished) => {
      this.#untaken -= text.length;
      telemetry.count(isPublished ? 'announced_told' : 'announced_lost', 1);
    });
  }

  live(room: string, state: LiveRoom): void {
    this.#note(room, { home: this.#options.node, lastActivity: Date.now(), ...state });
  }

  #note(room: string, fields: Fields): void {
    const known = this.#rooms.get(room);
    if (known || this.#rooms.size < WAITING_MAX) this.#rooms.set(room, { ...known, ...fields });
  }

  /** To be called some times a second. Writes what has changed, every 5 s. */
  tick(): void {
    if (this.#isWriting || this.#rooms.size === 0 || !this.#options.line.isUp) return;
    if (performance.now() - this.#wroteAt < WRITE_EVERY_MS) return;
    this.#wroteAt = performance.now();
    const changed = [...this.#rooms];
    this.#rooms.clear();
    this.#isWriting = true;
    void this.#writeAll(changed).finally(() => (this.#isWriting = false));
  }

  /** A part at a time, so that messages between nodes need not wait behind all of it. */
  async #writeAll(changed: readonly (readonly [room: string, fields: Fields])[]): Promise<void> {
    for (let at = 0; at < changed.length; at += WRITES_MAX)
      await Promise.all(
        changed.slice(at, at + WRITES_MAX).map(([room, fields]) => this.#write(room, fields)),
      );
  }

  #write(room: string, fields: Fields): Promise<void> {
    const { line, prefix } = this.#options;
    return new Promise((resolve) => {
      line.setHash(`${prefix}room:${room}`, fields, KEEP_MS, (isSet) => {
        // Once more with the next ones, unless something newer is known by then.
        if (!isSet) this.#note(room, { ...fields, ...this.#rooms.get(room) });
        resolve();
      });
    });
  }
}
