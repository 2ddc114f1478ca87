import { roomChannel } from '../protocol/channels.ts';
import type { LogChecker } from './log-checker.ts';
import type { Violate } from './violation.ts';

/** One sending of a message: on which connection, and after how many others there. */
interface Attempt {
  readonly connection: number;
  readonly position: number;
  /** Milliseconds of the run. */
  readonly at: number;
  /** `lost`: the connection was over before an answer; `unknown`: so it was answered. */
  outcome: 'open' | 'acked' | 'refused' | 'unknown' | 'lost';
}

export interface Chat {
  readonly room: string;
  readonly id: string;
  readonly content: string;
  readonly attempts: Attempt[];
}

/**
 * What says only that this sending was not looked at (DG4). After every other error but `outcome_unknown` nothing is
 * stored under the message's id, by whichever sending.
 */
const OF_THIS_SENDING: ReadonlySet<string> = new Set([
  'bad_frame',
  'not_joined',
  'rate_limited',
  'unavailable',
  'unauthorized',
  'draining',
]);

/** Whether whoever is told this may take it that the message is not stored. */
function deniesStorage(code: string): boolean {
  return code !== 'outcome_unknown' && !OF_THIS_SENDING.has(code);
}

/** After one of these sending it again is of no use. */
const FINAL_ERRORS: ReadonlySet<string> = new Set([
  'forbidden',
  'gone',
  'not_found',
  'internal',
  'bad_frame',
  'not_joined',
]);

/** Which sending of a message was answered, and when the node said so. */
export interface Answered {
  readonly id: string;
  readonly connection: number;
  readonly sentAt: number;
}

/** What one user has sent from one client, and what it was told about it: invariants 6, 7 and 8. */
export class Chats {
  readonly #who: string;
  readonly #user: string;
  readonly #log: LogChecker;
  readonly #violate: Violate;
  readonly #chats = new Map<string, Chat>();
  /** Those that are not settled, in the order in which they were first sent. */
  readonly #open = new Map<string, Chat>();
  /** The last that were acked. */
  readonly #acked: Chat[] = [];
  #positions = 0;

  constructor(who: string, user: string, log: LogChecker, violate: Violate) {
    this.#who = who;
    this.#user = user;
    this.#log = log;
    this.#violate = violate;
  }

  add(room: string, id: string, content: string): Chat {
    const chat: Chat = { room, id, content, attempts: [] };
    this.#chats.set(id, chat);
    this.#open.set(id, chat);
    return chat;
  }

  /** Those that still have to be sent again, in the order in which they were first sent. */
  get unsettled(): Chat[] {
    return [...this.#open.values()].filter(({ attempts }) => attempts.at(-1)?.outcome !== 'open');
  }

  /** A few that were acked lately. */
  get acknowledged(): readonly Chat[] {
    return this.#acked;
  }

  get open(): readonly Chat[] {
    return [...this.#open.values()];
  }

  sent({ room, id, content }: Omit<Chat, 'attempts'>, connection: number, at: number): void {
    const chat = this.#chats.get(id) ?? this.add(room, id, content);
    this.#log.allow(roomChannel(room), this.#user, id);
    chat.attempts.push({ connection, at, position: ++this.#positions, outcome: 'open' });
  }

  acked({ id, connection, sentAt }: Answered, seq: number): void {
    const chat = this.#chats.get(id);
    if (!chat) return;
    const attempt = this.#end(chat, connection, 'acked');
    this.#settle(chat);
    if (this.#acked.push(chat) > 20) this.#acked.shift();
    const channel = roomChannel(chat.room);
    const since = attempt?.at ?? -Infinity;
    const entry = this.#log.findAt(channel, { sender: this.#user, id }, seq, since);
    // What has been deleted meanwhile was there.
    const isDeleted = !entry && seq <= this.#log.deletedTo(channel, since);
    if (entry && entry.committedAt > sentAt)
      this.#violate(
        6,
        `${this.#who} was told that ${id} is at ${seq} of ${channel} before that was committed`,
      );
    if (!isDeleted && entry?.seq !== seq)
      this.#violate(6, `${this.#who} is told that ${id} is at ${seq} of ${channel}; it is at ${entry?.seq}`);
  }

  failed({ id, connection }: Omit<Answered, 'sentAt'>, code: string): void {
    const chat = this.#chats.get(id);
    if (!chat) return;
    const attempt = this.#end(chat, connection, code === 'outcome_unknown' ? 'unknown' : 'refused');
    if (FINAL_ERRORS.has(code)) this.#settle(chat);
    const entry = this.#log.find(roomChannel(chat.room), this.#user, id);
    if (entry && attempt && deniesStorage(code) && entry.committedAt < attempt.at)
      this.#violate(6, `${this.#who} sent ${id} again, which is at ${entry.seq}, and is told ${code}`);
    // An attempt before it may have been stored, or be stored yet: then nothing can be said.
    if (chat.attempts.some(({ outcome }) => outcome !== 'refused')) return;
    const channel = roomChannel(chat.room);
    if (entry)
      this.#violate(6, `${this.#who} is told ${code} of ${id}, which is at ${entry.seq} of ${channel}`);
    this.#log.deny(channel, this.#user, id, code);
  }

  #settle(chat: Chat): void {
    this.#open.delete(chat.id);
  }

  #end(chat: Chat, connection: number, outcome: Attempt['outcome']): Attempt | undefined {
    // Who has waited for too long may have sent it again: answers come in the order sent.
    const attempt = chat.attempts.find((one) => one.outcome === 'open' && one.connection === connection);
    if (attempt) attempt.outcome = outcome;
    return attempt;
  }

  connectionLost(connection: number): void {
    for (const { attempts } of [...this.#open.values(), ...this.#acked])
      for (const attempt of attempts)
        if (attempt.connection === connection && attempt.outcome === 'open') attempt.outcome = 'lost';
  }

  /**
   * Invariant 8: what one connection sent to one room is stored in the order sent. A message that was sent twice on it
   * may have been stored by either; of those that other connections sent too nothing can be said.
   */
  checkOrder(): void {
    const byPlace = new Map<
      string,
      { readonly seq: number; readonly id: string; readonly positions: number[] }[]
    >();
    for (const { room, id, attempts } of this.#chats.values()) {
      const connection = attempts[0]?.connection;
      const entry = this.#log.find(roomChannel(room), this.#user, id);
      if (!entry || attempts.some((attempt) => attempt.connection !== connection)) continue;
      const place = `${connection} ${room}`;
      const positions = attempts.map(({ position }) => position);
      byPlace.set(place, [...(byPlace.get(place) ?? []), { seq: entry.seq, id, positions }]);
    }
    for (const [place, stored] of byPlace) {
      let last = 0;
      for (const { seq, id, positions } of stored.toSorted((a, b) => a.seq - b.seq)) {
        const position = positions.find((one) => one > last);
        if (position === undefined) {
          this.#violate(
            8,
            `${this.#who} sent ${id} on connection ${place} before others that are stored before ${seq}`,
          );
          return;
        }
        last = position;
      }
    }
  }
}
