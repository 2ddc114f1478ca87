import type { Answer, Behaviour, Birth, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { Membership } from '../../runtime/ports/members.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import { DIRECTORY } from '../directory.ts';
import type { KnownRecord } from '../log-messages.ts';
import type { DeviceState, Enter, Entered, HomeMessage, LogReply, Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { Access, type AccessContext } from './access.ts';
import { Evictions } from './evictions.ts';
import { Home, type HomeOptions } from './home.ts';
import { Intake, type IntakeContext } from './intake.ts';
import type { Asker } from './pending.ts';
import { Presence, type PresenceChange } from './presence.ts';
import { GONE, RecordChanges, type ChangeContext } from './record-changes.ts';
import { Roster } from './roster.ts';
import { Signals } from './signals.ts';
import type { AskedOfMessages } from './vetting.ts';

export interface RoomOptions extends HomeOptions {
  /** A room that was never created is public and empty (FR7). */
  readonly autoCreate: boolean;
  /** What the application is asked about messages; undefined: nothing. */
  readonly vetted: AskedOfMessages | undefined;
}

type RoomContext = AccessContext | ChangeContext | IntakeContext;

/** The home of `room:{id}`: order, rights and presence of one room (LC4, JW4). */
class RoomHome extends Home {
  readonly #room: string;
  readonly #access: Access;
  readonly #presence: Presence;
  readonly #roster: Roster;
  readonly #signals: Signals;
  readonly #evictions: Evictions;
  readonly #changes: RecordChanges;
  readonly #intake: Intake;
  /** Devices whose right is being looked up. One that leaves meanwhile must not come in after it. */
  readonly #entering = new Map<string, { state: DeviceState }>();
  /** Users present, as the directory was told. */
  #counted = 0;

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
    const roster = { room: birth.id, presence: this.#presence, audience: this.ledger };
    this.#roster = new Roster(roster);
    this.#signals = new Signals(birth.id, this.#presence, this.ledger);
    this.#evictions = new Evictions({
      incarnation: options.incarnation,
      retryAfterMs: options.ledger.retryAfterMs,
      access: this.#access,
      presence: this.#presence,
      ledger: this.ledger,
      changed: (changes, at, out) => this.#changed(changes, at, out),
    });
    this.#changes = new RecordChanges({
      room: birth.id,
      incarnation: options.incarnation,
      deadlineMs: options.ledger.logDeadlineMs,
      access: this.#access,
      ledger: this.ledger,
      evictions: this.#evictions,
    });
    this.#intake = new Intake({
      room: birth.id,
      access: this.#access,
      ledger: this.ledger,
      limits: options.ledger,
      vetted: options.vetted,
    });
  }

  override begin(birth: Birth, turn: Turn): Outbox {
    const out = super.begin(birth, turn);
    // An earlier life may have said otherwise.
    if (birth.restarted) this.#tellCount(out);
    return out;
  }

  protected override prepare(out: Outbox): boolean {
    this.#access.load(out);
    return false;
  }

  protected override handle(message: HomeMessage, asker: Asker, turn: Turn, out: Outbox): void {
    switch (message.type) {
      case 'exit':
        this.#entering.delete(message.address);
        return this.#changed(this.#presence.exit(message.address, message.how, turn), turn, out);
      case 'device':
        return this.#deviceChanged(message.address, message.state, turn, out);
      case 'signal':
        return this.#signals.take(message, turn, out);
      case 'withdraw':
        // A relay that crashed may have forgotten some of those it spoke for.
        for (const address of this.#presence.devicesOn(message.incarnation))
          this.#changed(this.#presence.exit(address, 'lost', turn), turn, out);
        this.#entering.clear();
        return super.handle(message, asker, turn, out);
      case 'rightDoubted':
        // A change whose outcome was open has been carried out after all: what is known of rights is read anew.
        return this.#access.isLoaded ? this.#access.load(out) : undefined;
      case 'countAgain':
        return this.#tellCount(out);
      case 'membersAgain':
        return this.#roster.again(turn, out);
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
      case 'ban':
      case 'unban':
        return this.#changes.setBan(message, asker.replyTo, out);
      case 'delete':
        return this.#changes.delete(asker.replyTo, out);
      default:
        super.handle(message, asker, turn, out);
    }
  }

  protected override get isAtRest(): boolean {
    return this.#access.isAtRest && this.#changes.isAtRest && !this.#intake.isBusy && super.isAtRest;
  }

  protected override get isUsed(): boolean {
    return super.isUsed || this.#presence.size > 0 || this.#intake.isBusy;
  }

  // --- messages

  #publish(message: HomeMessage & { type: 'publish' }, asker: Asker, turn: Turn, out: Outbox): void {
    const { entry, by } = message;
    if (by) this.#intake.take({ entry, by, asker }, turn, out);
    else this.ledger.append(entry, asker, turn, out);
  }

  // --- presence

  protected enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Outbox): void {
    if (!this.#access.isLoaded) return out.reply(replyTo, this.ledger.unavailable());
    const { address, user, isAdmin } = message;
    const device = { state: message.state };
    this.#entering.set(address, device);
    this.#access.check(message, turn, out, (refusal, at, later) => {
      const entering = this.#entering.get(address);
      if (!entering) return later.reply(replyTo, GONE_MEANWHILE);
      // It has asked again since, perhaps with another right: that one says whether it is present.
      if (entering !== device) return later.reply(replyTo, refusal ?? this.#entered);
      this.#entering.delete(address);
      if (refusal) {
        // Who was in, and may not be any more; a right that cannot be read now says nothing.
        if (refusal.error !== 'unavailable')
          this.#changed(this.#presence.exit(address, 'gone', at), at, later);
        return later.reply(replyTo, refusal);
      }
      if (message.isAgain && !this.#presence.has(address)) this.#roster.begunAnew(at, later);
      this.#changed(this.#presence.enter(address, { user, isAdmin }, device.state, at), at, later);
      this.#access.joined(user, later);
      later.reply(replyTo, this.#entered);
    });
  }

  get #entered(): Entered {
    return { access: this.#access.access, metadata: this.#access.metadata };
  }

  #deviceChanged(address: string, state: DeviceState, turn: Turn, out: Outbox): void {
    const entering = this.#entering.get(address);
    if (entering) entering.state = state;
    else this.#changed(this.#presence.device(address, state, turn), turn, out);
  }

  #changed(changes: readonly PresenceChange[], turn: Turn, out: Outbox): void {
    for (const change of changes) this.#roster.changed(change, turn, out);
    const expiry = this.#presence.nextExpiry;
    if (expiry !== undefined) out.arm('grace', expiry - turn.now);
    else out.disarm('grace');
  }

  protected override timer(timer: string, turn: Turn, out: Outbox): void {
    if (timer === 'grace') return this.#changed(this.#presence.expire(turn), turn, out);
    if (timer === 'record') return this.#access.load(out);
    if (timer === 'empty') return this.#changes.empty(out);
    if (timer === 'roster') return this.#roster.flush(out);
    if (timer === 'signals') return this.#signals.goOn(turn, out);
    if (timer === 'members') return this.#roster.tellMembers(turn, out);
    super.timer(timer, turn, out);
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
        return this.#recordRead(answer as Answer<LogReply<KnownRecord | null>>, turn, out);
      case 'membership':
      case 'banned':
        return this.#access.known(known, answer as Answer<LogReply<Membership | number>>, turn, out);
      case 'accepted':
        // Else the next join says it again.
        return;
      case 'create':
      case 'setMember':
      case 'ban':
      case 'delete':
      case 'empty':
        return this.#changes.answered(known, answer as Answer<LogReply<unknown>>, turn, out);
      case 'vetted':
      case 'standing':
      case 'repeats':
        return this.#intake.answered(known, answer, turn, out);
      default:
        return super.answered(context, answer, turn, out);
    }
  }

  #recordRead(answer: Answer<LogReply<KnownRecord | null>>, turn: Turn, out: Outbox): void {
    const { isPrepared, head } = this.ledger;
    const outcome = this.#access.loaded(answer, head > 0, out);
    if (outcome === 'stale') return;
    if (outcome === 'failed') {
      return isPrepared ? out.arm('record', this.options.ledger.retryAfterMs) : this.ledger.failed(turn, out);
    }
    const { record } = this.#access;
    this.ledger.foundsRoom = record === null;
    if (record?.isDeleted) this.ledger.refuseAll(GONE, out);
    this.#evictions.judgeAgain(turn, out);
    if (isPrepared) return;
    this.ledger.prepared(turn, out);
    this.#changes.empty(out);
  }

  protected override tookTurn(out: Outbox): void {
    if (this.#presence.size !== this.#counted) this.#tellCount(out);
    this.#noteRecord();
  }

  /** Who lists rooms hears how many are present (RQ11): of a wave of joins, the last number. */
  #tellCount(out: Outbox): void {
    this.#counted = this.#presence.size;
    out.tellLatest(DIRECTORY, { type: 'present', room: this.#room, count: this.#counted }, this.#room);
  }

  /** The first message has made the room's record (FR7). */
  #noteRecord(): void {
    if (this.#access.record === null && !this.ledger.foundsRoom) {
      this.#access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: false });
    }
  }
}

/** Said to nobody: who would read it has left. */
const GONE_MEANWHILE: Refusal = { error: 'not_joined', message: 'the connection has left' };

export function roomBehaviour(options: RoomOptions): Behaviour<RoomHome, HomeMessage> {
  return {
    kind: 'room',
    mailboxMax: options.mailboxMax,
    supervision: 'restart',
    placement: 'cluster',
    start: (birth, turn) => {
      const home = new RoomHome(options, birth, turn);
      return [home, home.begin(birth, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    lives: (home) => home.lives(),
  };
}
