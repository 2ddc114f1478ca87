import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import type { Access as RoomAccess } from '../../runtime/ports/log-store.ts';
import type { Membership } from '../../runtime/ports/members.ts';
import { lostRecord, type KnownRecord, type KnownRoom } from '../messages/log.ts';
import { LOG, type LogReply, type StoreAnswer } from '../messages/log.ts';
import type { Actor, Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import type { Continuation, Decided } from './continuation.ts';
import { BANNED, FORBIDDEN, GONE, NOT_FOUND, unavailable } from './refusals.ts';

/** Users of a room of whom something is remembered; asking about one more costs a batched read. */
const REMEMBERED_MAX = 10_000;

/** Requests that may wait for one user's membership to be read. */
const WAITING_MAX = 256;

export type AccessContext = RecordContext | AcceptedContext | UserContext;

interface RecordContext extends Awaits<LogReply<KnownRoom>> {
  readonly for: 'record';
}

interface AcceptedContext extends Awaits<StoreAnswer<'acceptInvitation'>> {
  readonly for: 'accepted';
}

/** A read of one user: the membership, or the rest of a ban. */
interface UserContext extends Awaits<LogReply<Membership | number>> {
  readonly for: 'membership' | 'banned';
  readonly user: string;
  readonly changes: number;
}

/**
 * The rights of users in one room (JW4). Every change of members goes through the room's home,
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
  /** The number of the newest loss of a right that this home knows: whatever it grants now, it grants after that one (D25). */
  losses = 0;
  readonly #members = new Map<string, Membership>();
  /** The end of each user's ban, on the clock of `now`; empty in a room without bans. */
  readonly #bans = new Map<string, number>();
  /** The continuations that wait for the right of each user, in order. */
  readonly #waiting = new Map<string, Continuation[]>();
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

  /** No request waits for a right. */
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
  load(out: Effects): void {
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
    answer: Answer<LogReply<KnownRoom>>,
    isWritten: boolean,
    out: Effects,
  ): 'loaded' | 'failed' | 'stale' {
    this.#isLoading = false;
    if (!answer.ok || !answer.body.ok) return 'failed';
    if (this.#isStale) {
      this.load(out);
      return 'stale';
    }
    const { record, losses } = answer.body.value;
    this.changed(record ?? this.#missing(isWritten));
    this.losses = losses;
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

  /** The home has made a change under this number; 0: no user lost a right by it. */
  lost(number: number): void {
    this.losses = Math.max(this.losses, number);
  }

  setMember(user: string, isMember: Membership): void {
    this.#noteChange();
    remember(this.#members, user, isMember);
  }

  /** A user was banned, or is not banned any more. The room reads the ban when it needs it. */
  bansChanged(user: string): void {
    this.#noteChange();
    this.#bans.delete(user);
    if (this.record) this.record = { ...this.record, hasBans: true };
  }

  /** A user who was invited has joined: from now on the user's list has this room like any other (RQ11). */
  joined(user: string, out: Effects): void {
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

  /**
   * Why the right is refused, or undefined if it is granted. While it is being read, `next` waits here. The record must have
   * been loaded.
   */
  check(next: Continuation, turn: Turn, out: Effects): Refusal | undefined | 'waiting' {
    const { by } = next;
    // Nothing overtakes what the same user asked before, even if it could be decided by now (DG7).
    const waiting = this.#waiting.get(by.user);
    if (waiting && waiting.length >= WAITING_MAX) return this.#unavailable();
    if (waiting) return (waiting.push(next), 'waiting');
    const refusal = this.#refusal(by, turn);
    if (refusal !== 'membership' && refusal !== 'banned') return refusal;
    this.#waiting.set(by.user, [next]);
    const context: AccessContext = { for: refusal, user: by.user, changes: this.#changes };
    out.ask(
      LOG,
      { type: refusal, room: this.#room, user: by.user },
      { deadlineMs: this.#deadlineMs, context },
    );
    return 'waiting';
  }

  /** Why there is no room, if there is none. Then no user has a right. */
  absence(): Refusal | undefined {
    if (this.record?.isDeleted) return GONE;
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

  /**
   * Takes what was read of a user. Returns what goes on now of all that waits for it. The rest waits for something else that
   * must be read of the user.
   */
  known(
    context: UserContext,
    answer: Answer<LogReply<Membership | number>>,
    turn: Turn,
    out: Effects,
  ): readonly Decided[] {
    const { user } = context;
    const waiting = this.#waiting.get(user) ?? [];
    this.#waiting.delete(user);
    if (!answer.ok || !answer.body.ok) return waiting.map((next) => ({ next, refusal: this.#unavailable() }));
    // If something changed while it was read, the room knows newer things, and asks again for what it does not know.
    if (context.changes === this.#changes) this.#noted(context, answer.body.value, turn);
    return waiting.flatMap((next) => {
      const refusal = this.check(next, turn, out);
      return refusal === 'waiting' ? [] : [{ next, refusal }];
    });
  }

  #noted({ for: what, user }: UserContext, value: Membership | number, turn: Turn): void {
    if (what === 'banned') remember(this.#bans, user, turn.now + Number(value));
    else remember(this.#members, user, value as Membership);
  }

  #unavailable(): Refusal {
    return unavailable(
      { retryAfterMs: this.#retryAfterMs },
      'the right to this room cannot be checked right now',
    );
  }
}

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
