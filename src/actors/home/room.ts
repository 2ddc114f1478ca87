import type { Answer, Behaviour, StartContext, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import { DIRECTORY } from '../node/directory.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import type { KnownRoom, LogReply } from '../messages/log.ts';
import { staysOnNode, type Enter, type HomeMessage } from '../messages/home.ts';
import type { Present } from '../messages/node.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import type { AccessContext } from './access.ts';
import type { GateContext } from './before-message-gate.ts';
import { areAllDone, type CommandContext } from './command-queue.ts';
import { check, proceed } from './continue.ts';
import type { DuplicateContext } from './duplicate-lookup.ts';
import { recheckAll } from './evictions.ts';
import { Home } from './home.ts';
import type { JoiningPage } from './continuation.ts';
import { answerPage, beginJoin, deviceChanged, nodeWithdrew } from './joins.ts';
import type { Asker } from './pending.ts';
import { showChanges } from './presence-changes.ts';
import { GONE } from './refusals.ts';
import * as commands from './room-commands.ts';
import type { WriterContext } from './writer-state.ts';
import { newRoom, type RoomOptions, type RoomState } from './room-state.ts';

type RoomContext = WriterContext | AccessContext | CommandContext | GateContext | DuplicateContext;

/** The home of `room:{id}`: order, rights and presence of one room (LC4, JW4). */
class RoomHome extends Home<RoomContext> {
  readonly #room: RoomState;

  constructor(options: RoomOptions, context: StartContext, turn: Turn) {
    super(options, turn);
    this.#room = newRoom(options, context, this.writer);
  }

  override begin(context: StartContext, turn: Turn): Effects {
    const out = super.begin(context, turn);
    // The directory may have another number from an earlier generation.
    if (context.restarted) this.#tellCount(out);
    return out;
  }

  protected override prepare(_turn: Turn, out: Effects): void {
    this.writer.preparing(out);
    this.#room.access.load(out);
  }

  protected override handle(message: HomeMessage, asker: Asker, turn: Turn, out: Effects): void {
    const room = this.#room;
    switch (message.type) {
      case 'exit':
        room.joining.delete(message.address);
        return showChanges(room, room.presence.exit(message.address, message.how, turn), turn, out);
      case 'device':
        return deviceChanged(room, message, turn, out);
      case 'signal':
        return room.signals.take(message, turn, out);
      case 'withdraw':
        nodeWithdrew(room, message.incarnation, turn, out);
        return super.handle(message, asker, turn, out);
      case 'rightDoubted':
        // The store has carried out a change whose outcome was open: the room reads the rights again.
        return room.access.isLoaded ? room.access.load(out) : undefined;
      case 'countAgain':
        return this.#tellCount(out);
      case 'missedByNode':
        // Relays there read the log. Joins and leaves are not in it.
        return this.writer.nodes.has(message.incarnation) ? room.batch.begunAnew(turn, out) : undefined;
      case 'membersAgain':
        return room.batch.again(turn, out);
      default:
        if (room.access.isLoaded) return this.#request(message, asker, turn, out);
        out.reply(asker.replyTo, this.writer.unavailable());
    }
  }

  /** Requests that need the room's record. */
  #request(message: HomeMessage, asker: Asker, turn: Turn, out: Effects): void {
    const room = this.#room;
    const { replyTo } = asker;
    switch (message.type) {
      case 'publish': {
        const { entry, by } = message;
        if (!by) return this.#system(entry, asker, turn, out);
        return check(room, { to: 'publish', by, sent: { entry, by, asker } }, turn, out);
      }
      case 'presence':
        return check(room, { to: 'list', by: message, after: message.after, replyTo }, turn, out);
      case 'create':
        return commands.createRoom(room, { request: message, replyTo }, turn, out);
      case 'setMember': {
        const { user, isMember } = message;
        return commands.setMember(room, { user, isMember, replyTo }, turn, out);
      }
      case 'ban':
      case 'unban':
        return commands.setBan(room, { change: message, replyTo }, turn, out);
      case 'delete':
        return commands.deleteRoom(room, replyTo, turn, out);
      default:
        super.handle(message, asker, turn, out);
    }
  }

  /** A message of the system needs no right, but a room. */
  #system(entry: NewEntry, asker: Asker, turn: Turn, out: Effects): void {
    const absence = this.#room.access.absence();
    if (absence) out.reply(asker.replyTo, absence);
    else this.writer.append(entry, asker, turn, out);
  }

  protected enter(message: Enter, replyTo: ReplyTo | undefined, turn: Turn, out: Effects): void {
    const { devices } = message;
    const { losses } = this.#room.access;
    const page: JoiningPage = { replyTo, decided: [], left: devices.length, losses };
    if (devices.length === 0) answerPage(this.#room, page, out);
    for (const [at, device] of devices.entries())
      check(this.#room, beginJoin(this.#room, device, page, at), turn, out);
  }

  protected override get isAtRest(): boolean {
    return (
      this.#room.access.isAtRest && areAllDone(this.#room.commands) && !this.#hasMessages && super.isAtRest
    );
  }

  protected override isUsed(turn: Turn): boolean {
    return super.isUsed(turn) || this.#room.presence.size > 0 || this.#hasMessages;
  }

  /** Messages wait for the application, or a refused one waits for the log. */
  get #hasMessages(): boolean {
    return this.#room.duplicates.isBusy || this.#room.gate?.isBusy === true;
  }

  protected override timer(timer: string, turn: Turn, out: Effects): void {
    const room = this.#room;
    if (timer === 'grace') return showChanges(room, room.presence.expire(turn), turn, out);
    if (timer === 'record') return room.access.load(out);
    if (timer === 'empty') return commands.emptyRoom(room, turn, out);
    if (timer === 'roster') return room.batch.flush(out);
    if (timer === 'signals') return room.signals.goOn(turn, out);
    if (timer === 'members') return room.batch.tellMembers(turn, out);
    super.timer(timer, turn, out);
  }

  protected answered(context: RoomContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    const room = this.#room;
    switch (context.for) {
      case 'record':
        return this.#recordRead(answerFor(context, answer), turn, out);
      case 'membership':
      case 'banned': {
        const read = answerFor(context, answer);
        for (const decided of room.access.known(context, read, turn, out)) proceed(room, decided, turn, out);
        return;
      }
      case 'accepted':
        // If it failed, the next join says it again.
        return;
      case 'create':
      case 'setMember':
      case 'ban':
      case 'delete':
      case 'empty': {
        const ended = { context, answer: answerFor(context, answer) };
        return commands.commandAnswered(room, ended, turn, out);
      }
      case 'vetted':
      case 'standing':
        for (const next of room.gate?.answered(context, answer, turn, out) ?? [])
          check(room, next, turn, out);
        return;
      case 'repeats':
        return room.duplicates.answered(context, answerFor(context, answer), out);
      default:
        return this.writer.answered(context, answer, turn, out);
    }
  }

  #recordRead(answer: Answer<LogReply<KnownRoom>>, turn: Turn, out: Effects): void {
    const room = this.#room;
    const { state, head } = this.writer;
    const isPreparing = state.is === 'preparing';
    const outcome = room.access.loaded(answer, head > 0, out);
    if (outcome === 'stale') return;
    if (outcome === 'failed') {
      return isPreparing
        ? this.writer.failed(turn, out)
        : out.arm('record', this.options.writer.retryAfterMs);
    }
    const { record } = room.access;
    this.writer.createsRoom = record === null;
    if (record?.isDeleted) this.writer.refuseAll(GONE, out);
    for (const next of recheckAll(room, turn, out)) check(room, next, turn, out);
    if (!isPreparing) return;
    this.writer.prepared(turn, out);
    commands.emptyRoom(room, turn, out);
  }

  protected override tookTurn(turn: Turn, out: Effects): void {
    commands.goOn(this.#room, turn, out);
    if (this.#room.presence.size !== this.#room.counted && !this.isLeaving) this.#tellCount(out);
    this.#noteRecord();
  }

  /** The list of rooms has how many users are present (RQ11); of a wave of joins, the last number. */
  #tellCount(out: Effects): void {
    const { id, presence } = this.#room;
    const { incarnation: home, writer } = this.options;
    this.#room.counted = presence.size;
    const present: Present = { type: 'present', room: id, count: presence.size, home };
    out.tellLatest(DIRECTORY, present, id);
    if (writer.isPlaced) out.add({ type: 'live', room: id, state: { present: presence.size } });
    if (writer.isPlaced) out.add({ type: 'publish', to: DIRECTORY, nodes: 'others', message: present });
  }

  /** The first message has made the room's record (FR7). */
  #noteRecord(): void {
    const { access } = this.#room;
    if (access.record === null && !this.writer.createsRoom) {
      access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: false });
    }
  }
}

export function roomBehaviour(
  options: RoomOptions,
): Behaviour<RoomHome, HomeMessage, undefined, RoomContext> {
  return {
    kind: 'room',
    mailboxMax: options.mailboxMax,
    supervision: 'restart',
    placement: 'cluster',
    staysOnNode,
    start: (context, turn) => {
      const home = new RoomHome(options, context, turn);
      return [home, home.begin(context, turn).effects];
    },
    step: (home, message, turn) => home.take(message, turn).effects,
    chartStates: (home) => home.chartStates(),
  };
}
