import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { Access as RoomAccess } from '../../runtime/ports/log-store.ts';
import type { Membership } from '../../runtime/ports/members.ts';
import { lostRecord, type KnownRecord } from '../log-messages.ts';
import { LOG, type Actor, type LogReply, type Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';

/** Users of a room of whom something is remembered; asking about one more costs a batched read. */
const REMEMBERED_MAX = 10_000;

/** Requests that may wait for one user's membership to be read. */
const WAITING_MAX = 256;

export type AccessContext =
  | { readonly for: 'record' | 'accepted' }
  /** What is read of one user: the membership, or the rest of a ban. */
  | { readonly for: 'membership' | 'banned'; readonly user: string; readonly changes: number };

type UserContext = Extract<AccessContext, { readonly user: string }>;

/** What is to be done once a right is known: `undefined` when it is granted. */
export type Then = (refusal: Refusal | undefined, turn: Turn, out: Outbox) => void;

interface Waiting {
  readonly actor: Actor;
  readonly decide: Then;
}

/**
 * Who may do what in one room (JW4). Every change of members goes through the room's home,
 * so what is remembered here is true until the home changes it.
 *
 * - Requests of one user are decided in the order they came, also while the membership is being read.
 */
export class Access {
  readonly #room: string;
  readonly #autoCreate: boolean;
  readonly #deadlineMs: number;
  readonly #retryAfterMs: number;
  /** Undefined until loaded; null: the room has none. */
  record: KnownRecord | null | undefined;
  readonly #members = new Map<string, Membership>();
  /** Until when users are banned, on the clock of `now`; only of a room from which somebody is. */
  readonly #bans = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting[]>();
  #isLoading = false;
  #isStale = false;
  /** Counts what was changed or read: what was asked before is older. */
  #changes = 0;

  constructor(options: { room: string; autoCreate: boolean; deadlineMs: number; retryAfterMs: number }) {
    this.#room = options.room;
    this.#autoCreate = options.autoCreate;
    this.#deadlineMs = options.deadlineMs;
    this.#retryAfterMs = options.retryAfterMs;
  }

  get isLoaded(): boolean {
    return this.record !== undefined;
  }

  /** Nobody waits for a right to be known. */
  get isAtRest(): boolean {
    return !this.#isLoading && this.#waiting.size === 0;
  }

  get access(): RoomAccess {
    return this.record?.access ?? 'public';
  }

  get metadata(): string {
    return this.record?.metadata ?? '{}';
  }

  /** Asks for the record; while it is asked for, only that it must be asked for once more is kept. */
  load(out: Outbox): void {
    this.#isStale = this.#isLoading;
    if (this.#isLoading) return;
    this.#isLoading = true;
    const context: AccessContext = { for: 'record' };
    out.ask(LOG, { type: 'room', room: this.#room }, { deadlineMs: this.#deadlineMs, context });
  }

  /**
   * Takes the record that was read. `stale`: something has changed since it was asked for, so it is being read again.
   * `isWritten`: the log has had messages of the room.
   */
  loaded(
    answer: Answer<LogReply<KnownRecord | null>>,
    isWritten: boolean,
    out: Outbox,
  ): 'loaded' | 'failed' | 'stale' {
    this.#isLoading = false;
    if (!answer.ok || !answer.body.ok) return 'failed';
    if (this.#isStale) {
      this.load(out);
      return 'stale';
    }
    this.changed(answer.body.value ?? this.#missing(isWritten));
    return 'loaded';
  }

  /**
   * There is no record (D21). A room that was private is no public one for that; nor is one that has messages, since
   * whatever is stored first makes the record. One that is known to have been public is made anew by its next message.
   */
  #missing(isWritten: boolean): KnownRecord | null {
    const was = this.record?.isDeleted ? null : this.record;
    const isLost = was ? was.access === 'private' : isWritten;
    return isLost ? lostRecord(was?.creator ?? null) : null;
  }

  /** The room has a record now that it had not, or other rights than before. */
  changed(record: KnownRecord | null): void {
    this.#noteChange();
    this.record = record;
    this.#members.clear();
    this.#bans.clear();
  }

  setMember(user: string, isMember: Membership): void {
    this.#noteChange();
    remember(this.#members, user, isMember);
  }

  /** Somebody was banned, or is not any more: how it is now is read when it is asked for. */
  bansChanged(user: string): void {
    this.#noteChange();
    this.#bans.delete(user);
    if (this.record) this.record = { ...this.record, hasBans: true };
  }

  /** Who was only put into the room has joined it: from now on it is listed as any other (RQ11). */
  joined(user: string, out: Outbox): void {
    if (this.#members.get(user) !== 'invited') return;
    this.#members.set(user, true);
    const request = { call: 'acceptInvitation', room: this.#room, user } as const;
    const context: AccessContext = { for: 'accepted' };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#deadlineMs, context });
  }

  #noteChange(): void {
    this.#changes++;
    if (this.#isLoading) this.#isStale = true;
  }

  /** Decides, at once where that is possible. The record must have been loaded. */
  check(actor: Actor, turn: Turn, out: Outbox, then: Then): void {
    // Also what could be decided by now: nothing overtakes what the same user asked before (DG7).
    const waiting = this.#waiting.get(actor.user);
    if (waiting && waiting.length >= WAITING_MAX) return then(this.#unavailable(), turn, out);
    if (waiting) return void waiting.push({ actor, decide: then });
    const refusal = this.#refusal(actor, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return then(refusal, turn, out);
    this.#waiting.set(actor.user, [{ actor, decide: then }]);
    const context: AccessContext = { for: refusal, user: actor.user, changes: this.#changes };
    out.ask(
      LOG,
      { type: refusal, room: this.#room, user: actor.user },
      { deadlineMs: this.#deadlineMs, context },
    );
  }

  /** Why there is no room, if there is none; for nobody. */
  absence(): Refusal | undefined {
    if (this.record?.isDeleted) return { error: 'gone', message: 'the room was deleted' };
    const isThere = this.record ? !this.record.isLost : this.#autoCreate;
    return isThere ? undefined : NOT_FOUND;
  }

  #refusal(actor: Actor, turn: Turn): Refusal | undefined | 'membership' | 'banned' {
    const absence = this.absence();
    if (absence) return absence;
    if (actor.isAdmin) return undefined;
    if (this.record?.hasBans) {
      const until = this.#bans.get(actor.user);
      if (until === undefined) return 'banned';
      if (until > turn.now) return BANNED;
    }
    if (this.access === 'public') return undefined;
    const isMember = this.#members.get(actor.user);
    if (isMember === undefined) return 'membership';
    return isMember ? undefined : FORBIDDEN;
  }

  /** What was read of a user: decides on all of the user's that wait, or on what else must be read of him. */
  known(context: UserContext, answer: Answer<LogReply<Membership | number>>, turn: Turn, out: Outbox): void {
    const { user } = context;
    const waiting = this.#waiting.get(user) ?? [];
    this.#waiting.delete(user);
    const isKnown = answer.ok && answer.body.ok;
    // Something changed while it was read: what is known since is newer, and what is not known is asked again.
    if (isKnown && context.changes === this.#changes) this.#noted(context, answer.body.value, turn);
    for (const { actor, decide } of waiting) {
      if (!isKnown) decide(this.#unavailable(), turn, out);
      else this.check(actor, turn, out, decide);
    }
  }

  #noted({ for: what, user }: UserContext, value: Membership | number, turn: Turn): void {
    if (what === 'banned') remember(this.#bans, user, turn.now + Number(value));
    else remember(this.#members, user, value as Membership);
  }

  #unavailable(): Refusal {
    return {
      error: 'unavailable',
      message: 'the right to this room cannot be checked right now',
      retryAfterMs: this.#retryAfterMs,
    };
  }
}

export const NOT_FOUND: Refusal = { error: 'not_found', message: 'there is no such room' };

const FORBIDDEN: Refusal = { error: 'forbidden', message: 'the room is private, and you are not a member' };

const BANNED: Refusal = { error: 'forbidden', message: 'you are banned from this room' };

/** The oldest gives way. */
function remember<Value>(all: Map<string, Value>, user: string, value: Value): void {
  all.delete(user);
  all.set(user, value);
  if (all.size <= REMEMBERED_MAX) return;
  for (const oldest of all.keys()) {
    all.delete(oldest);
    return;
  }
}
