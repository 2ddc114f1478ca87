import { roomChannel } from '../../protocol/channels.ts';
import type { LogChecker } from './log-checker.ts';
import type { Violate } from '../kit/violation.ts';

/** One attempt to send a message: its connection, and its number there. */
interface Attempt {
  readonly connection: number;
  readonly position: number;
  /** Milliseconds of the run. */
  readonly at: number;
  /** `lost`: the connection ended before an answer. `unknown`: the answer was `outcome_unknown`. */
  outcome: 'open' | 'acked' | 'refused' | 'unknown' | 'lost';
}

export interface Chat {
  readonly room: string;
  readonly id: string;
  readonly content: string;
  readonly attempts: Attempt[];
}

/**
 * Codes that speak of this attempt only (DG4). After every other code but `outcome_unknown` nothing is stored under the
 * message's id, by any attempt.
 */
const OF_THIS_SENDING: ReadonlySet<string> = new Set([
  'bad_frame',
  'not_joined',
  'rate_limited',
  'unavailable',
  'unauthorized',
  'draining',
]);

/** Whether a client may conclude from this code that the message is not stored. */
function deniesStorage(code: string): boolean {
  return code !== 'outcome_unknown' && !OF_THIS_SENDING.has(code);
}

/** Codes after which resending is useless. */
const FINAL_ERRORS: ReadonlySet<string> = new Set([
  'forbidden',
  'gone',
  'not_found',
  'internal',
  'bad_frame',
  'not_joined',
]);

/** Which attempt of a message was answered, and when the node sent the answer. */
export interface Answered {
  readonly id: string;
  readonly connection: number;
  readonly sentAt: number;
}

/** The messages of one user from one client, and the answers: invariants 6, 7 and 8. */
export class SentMessages {
  readonly #who: string;
  readonly #user: string;
  readonly #log: LogChecker;
  readonly #violate: Violate;
  readonly #messages = new Map<string, Chat>();
  /** Unsettled messages in the order of their first attempts. */
  readonly #open = new Map<string, Chat>();
  /** The most recently acked messages. */
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
    this.#messages.set(id, chat);
    this.#open.set(id, chat);
    return chat;
  }

  /** Messages that the client must resend, in the order of their first attempts. */
  get unsettled(): Chat[] {
    return [...this.#open.values()].filter(({ attempts }) => attempts.at(-1)?.outcome !== 'open');
  }

  /** A few recently acked messages. */
  get acknowledged(): readonly Chat[] {
    return this.#acked;
  }

  get open(): readonly Chat[] {
    return [...this.#open.values()];
  }

  sent({ room, id, content }: Omit<Chat, 'attempts'>, connection: number, at: number): void {
    const chat = this.#messages.get(id) ?? this.add(room, id, content);
    this.#log.allow(roomChannel(room), this.#user, id);
    chat.attempts.push({ connection, at, position: ++this.#positions, outcome: 'open' });
  }

  acked({ id, connection, sentAt }: Answered, seq: number): void {
    const chat = this.#messages.get(id);
    if (!chat) return;
    const attempt = this.#end(chat, connection, 'acked');
    this.#settle(chat);
    if (this.#acked.push(chat) > 20) this.#acked.shift();
    const channel = roomChannel(chat.room);
    const since = attempt?.at ?? -Infinity;
    const entry = this.#log.findAt(channel, { sender: this.#user, id }, seq, since);
    // A message that was deleted meanwhile was there.
    const isDeleted = !entry && seq <= this.#log.deletedTo(channel, since);
    if (entry && entry.committedAt > sentAt)
      this.#violate(
        6,
        `${this.#who} learned that ${id} is at ${seq} of ${channel} before that was committed`,
      );
    if (!isDeleted && entry?.seq !== seq)
      this.#violate(6, `${this.#who} learns that ${id} is at ${seq} of ${channel}; it is at ${entry?.seq}`);
  }

  failed({ id, connection }: Omit<Answered, 'sentAt'>, code: string): void {
    const chat = this.#messages.get(id);
    if (!chat) return;
    const attempt = this.#end(chat, connection, code === 'outcome_unknown' ? 'unknown' : 'refused');
    if (FINAL_ERRORS.has(code)) this.#settle(chat);
    const entry = this.#log.find(roomChannel(chat.room), this.#user, id);
    if (entry && attempt && deniesStorage(code) && entry.committedAt < attempt.at)
      this.#violate(6, `${this.#who} sent ${id} again, which is at ${entry.seq}, and gets ${code}`);
    // An earlier attempt may be stored now or later, so nothing is certain.
    if (chat.attempts.some(({ outcome }) => outcome !== 'refused')) return;
    const channel = roomChannel(chat.room);
    if (entry)
      this.#violate(6, `${this.#who} gets ${code} for ${id}, which is at ${entry.seq} of ${channel}`);
    this.#log.deny(channel, this.#user, id, code);
  }

  #settle(chat: Chat): void {
    this.#open.delete(chat.id);
  }

  #end(chat: Chat, connection: number, outcome: Attempt['outcome']): Attempt | undefined {
    // A client that timed out may have resent the message. Answers come in the order of the attempts.
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
   * Invariant 8: messages of one connection to one room are stored in the order of sending. If one is sent twice on it,
   * either attempt may be stored. Messages that other connections sent too prove nothing.
   */
  checkOrder(): void {
    const byPlace = new Map<
      string,
      { readonly seq: number; readonly id: string; readonly positions: number[] }[]
    >();
    for (const { room, id, attempts } of this.#messages.values()) {
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
