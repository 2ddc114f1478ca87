import type { Answer, Behaviour, Birth, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { RoomRecord } from '../../runtime/ports/log-store.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Enter, Entered, HomeMessage, LogReply } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { Access, type AccessContext } from './access.ts';
import { Home, type HomeOptions } from './home.ts';
import type { Asker } from './pending.ts';
import { Presence, type PresenceChange } from './presence.ts';
import { RecordChanges, type ChangeContext } from './record-changes.ts';
import { Roster } from './roster.ts';

export interface RoomOptions extends HomeOptions {
  /** A room that was never created is public and empty (FR7). */
  readonly autoCreate: boolean;
}

type RoomContext = AccessContext | ChangeContext;

/** The home of `room:{id}`: order, rights and presence of one room (LC4, JW4). */
class RoomHome extends Home {
  readonly #room: string;
  readonly #access: Access;
  readonly #presence: Presence;
  readonly #roster: Roster;
  readonly #changes: RecordChanges;

  constructor(options: RoomOptions, birth: Birth, turn: Turn) {
    super(options, birth, turn);
    this.#room = birth.id;
    this.#access = new Access({
      room: birth.id,
      autoCreate: options.autoCreate,
      deadlineMs: options.ledger.logDeadlineMs,
      retryAfterMs: options.ledger.retryAfterMs,
    });
    this.#presence = new Presence(options.graceMs);
    this.#roster = new Roster(birth.id);
    this.#changes = new RecordChanges({
      room: birth.id,
      owner: options.owner,
      deadlineMs: options.ledger.logDeadlineMs,
      access: this.#access,
      ledger: this.ledger,
      present: () => this.#presence.users(),
      expel: (users, at, out) => this.#expel(users, at, out),
      closeAll: (at, out) => this.#closeAll(at, out),
    });
  }

  protected override prepare(out: Outbox): boolean {
    if (this.#access.isLoaded) return true;
    this.#access.load(out);
    return false;
  }

  protected override handle(message: HomeMessage, asker: Asker, turn: Turn, out: Outbox): void {
    switch (message.type) {
      case 'exit':
        return this.#changed(this.#presence.exit(message.address, message.how, turn), turn, out);
      case 'device':
        return this.#changed(this.#presence.device(message.address, message.state, turn), turn, out);
      case 'signal':
        return this.#signal(message, out);
      case 'withdraw':
      case 'announce':
        return super.handle(message, asker, turn, out);
      default:
        break;
    }
    if (!this.#access.isLoaded) return out.reply(asker.replyTo, this.ledger.unavailable());
    switch (message.type) {
      case 'publish':
        return this.#publish(message, asker, turn, out);
      case 'presence':
        return this.#access.check(message, turn, out, (refusal, _, later) =>
          later.reply(
            asker.replyTo,
            refusal ?? this.#presence.page(message.after, WIRE_LIMITS.presencePageMax),
          ),
        );
      case 'create':
        return this.#changes.create(message, asker.replyTo, out);
      case 'setMember':
        return this.#changes.setMember(message.user, message.isMember, asker.replyTo, out);
      case 'delete':
        return this.#changes.delete(asker.replyTo, out);
      default:
        super.handle(message, asker, turn, out);
    }
  }

  protected override get isUsed(): boolean {
    return super.isUsed || this.#presence.size > 0;
  }

  // --- messages

  #publish(message: HomeMessage & { type: 'publish' }, asker: Asker, turn: Turn, out: Outbox): void {
    if (!message.by) return this.ledger.append(message.entry, asker, turn, out);
    this.#access.check(message.by, turn, out, (refusal, at, later) => {
      if (refusal) later.reply(asker.replyTo, refusal);
      else this.ledger.append(message.entry, asker, at, later);
    });
  }

  #signal({ address, user, data }: HomeMessage & { type: 'signal' }, out: Outbox): void {
    if (!this.#presence.has(address)) return;
    const frame = JSON.stringify({
      type: 'notification',
      action: 'signal',
      room: this.#room,
      from: user,
      data,
    });
    out.publish(this.channel, this.ledger.nodes, { type: 'notice', frame, exceptConnection: address });
  }

  // --- presence

  protected enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Outbox): void {
    if (!this.#access.isLoaded) return out.reply(replyTo, this.ledger.unavailable());
    this.#access.check(message, turn, out, (refusal, _, later) => {
      if (refusal) return later.reply(replyTo, refusal);
      this.#changed(this.#presence.enter(message.address, message.user, message.state, turn), turn, later);
      later.reply(replyTo, {
        access: this.#access.access,
        metadata: this.#access.metadata,
      } satisfies Entered);
    });
  }

  #changed(changes: readonly PresenceChange[], turn: Turn, out: Outbox): void {
    for (const change of changes) {
      if (change.type === 'joined' || change.type === 'left') this.#roster.add(change.type, change.user, out);
      else this.#tellShown(change, out);
    }
    const expiry = this.#presence.nextExpiry;
    if (expiry !== undefined) out.arm('grace', expiry - turn.now);
    else out.disarm('grace');
  }

  #tellShown({ type: state, user, since }: PresenceChange, out: Outbox): void {
    const data = { user, state, since: isoTime(since) };
    const frame = JSON.stringify({ type: 'notification', action: 'presence', room: this.#room, data });
    out.publish(this.channel, this.ledger.nodes, { type: 'notice', frame, exceptUser: user });
  }

  protected override timer(timer: string, turn: Turn, out: Outbox): void {
    if (timer === 'grace') return this.#changed(this.#presence.expire(turn), turn, out);
    if (timer === 'roster') return this.#roster.flush(this.channel, this.ledger.nodes, out);
    super.timer(timer, turn, out);
  }

  // --- rights lost

  #closeAll(turn: Turn, out: Outbox): void {
    for (const user of this.#presence.users()) this.#presence.expel(user, turn);
    out.publish(this.channel, this.ledger.nodes, { type: 'evict', users: null, reason: 'closed' });
  }

  /** Off the channel from here on: nothing that is published later reaches them (JW4). */
  #expel(users: readonly string[], turn: Turn, out: Outbox): void {
    if (users.length === 0) return;
    for (const user of users) this.#changed(this.#presence.expel(user, turn), turn, out);
    out.publish(this.channel, this.ledger.nodes, { type: 'evict', users, reason: 'removed' });
  }

  protected override answered(
    context: { readonly for: string },
    answer: Answer<unknown>,
    turn: Turn,
    out: Outbox,
  ): void {
    const known = context as RoomContext;
    switch (known.for) {
      case 'record':
        return this.#recordRead(answer as Answer<LogReply<RoomRecord | null>>, turn, out);
      case 'membership':
        return this.#access.membershipKnown(known.user, answer as Answer<LogReply<boolean>>, turn, out);
      case 'create':
      case 'setMember':
      case 'delete':
        return this.#changes.answered(known, answer as Answer<LogReply<unknown>>, turn, out);
      default:
        return super.answered(context, answer, turn, out);
    }
  }

  #recordRead(answer: Answer<LogReply<RoomRecord | null>>, turn: Turn, out: Outbox): void {
    const isFirst = !this.#access.isLoaded;
    if (!this.#access.loaded(answer)) {
      if (isFirst) this.ledger.failed(turn, out);
      return;
    }
    this.ledger.foundsRoom = this.#access.record === null;
    if (isFirst) this.ledger.claim(out);
  }

  /** The first message has made the room's record (FR7). */
  protected override tookTurn(): void {
    if (this.#access.record === null && !this.ledger.foundsRoom) {
      this.#access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: false });
    }
  }
}

export function roomBehaviour(options: RoomOptions): Behaviour<RoomHome, HomeMessage> {
  return {
    kind: 'room',
    mailboxMax: 1_024,
    supervision: 'restart',
    isVirtual: true,
    start: (birth, turn) => {
      const home = new RoomHome(options, birth, turn);
      return [home, home.begin(birth, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
  };
}
