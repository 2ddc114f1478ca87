import type { Answer, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { Deleted } from '../../runtime/ports/log-store.ts';
import { LOG, type StoreQuestion } from '../messages/log.ts';
import type { CreateRoom, SetBan } from '../messages/home.ts';
import type { Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { closeAll, expel, expelAllBut } from './evictions.ts';
import { ALREADY_EXISTS, GONE, NOT_FOUND, unavailable } from './refusals.ts';
import {
  askerOf,
  isFenced,
  type Command,
  type CommandAnswer,
  type CommandContext,
  type Creation,
} from './command-queue.ts';
import type { RoomState } from './room-state.ts';

type To<Message> = Message & { readonly replyTo: ReplyTo | undefined };

// How a room is made, gets and loses members, and is removed. All of it goes through the room's home, so what the home knows
// of rights is true: it changes the store first, then its own state.

export function createRoom(room: RoomState, creation: Creation, turn: Turn, out: Effects): void {
  const { record } = room.access;
  const { request, replyTo } = creation;
  // The messages of a lost room may be there still: they are not for the first user who asks.
  const isOthers = record?.isLost && !request.isAdmin && request.creator !== record.creator;
  if (isOthers) return out.reply(replyTo, NOT_FOUND);
  if (record && !record.isLost && !record.isDeleted) return out.reply(replyTo, ALREADY_EXISTS);
  // Nothing that is left of a room of this name may be seen in the new one.
  if (record?.isDeleted) empty(room, creation, turn, out);
  else create(room, creation, turn, out);
}

function create(room: RoomState, { request, replyTo }: Creation, turn: Turn, out: Effects): void {
  const { creator, access, metadata, members } = request;
  const call = { call: 'createRoom', room: room.id, creator, access, metadata, members } as const;
  const question = { type: 'call', request: call } as const;
  enqueue(room, { question, context: { for: 'create', request, replyTo } }, turn, out);
}

export function setMember(
  room: RoomState,
  { user, isMember, replyTo }: To<{ readonly user: string; readonly isMember: boolean }>,
  turn: Turn,
  out: Effects,
): void {
  const { access, id } = room;
  const refusal = access.record ? access.absence() : NOT_FOUND;
  if (refusal) return out.reply(replyTo, refusal);
  // Without membership a user may still use a public room: a caller that removes one wants something else.
  if (!isMember && access.access === 'public') return out.reply(replyTo, { isPublic: true });
  const question = { type: 'call', request: { call: 'setMember', room: id, user, isMember } } as const;
  enqueue(room, { question, context: { for: 'setMember', user, isMember, replyTo } }, turn, out);
}

/** A ban makes the record of a room that has none, as a first message does (FR7). */
export function setBan(
  room: RoomState,
  { change, replyTo }: To<{ readonly change: SetBan }>,
  turn: Turn,
  out: Effects,
): void {
  const { access, id } = room;
  const refusal = access.absence();
  if (refusal) return out.reply(replyTo, refusal);
  const { user } = change;
  const createsRoom = access.record === null;
  const question: StoreQuestion<'ban' | 'unban'> =
    change.type === 'ban'
      ? { type: 'call', request: { call: 'ban', room: id, user, until: change.until, createsRoom } }
      : { type: 'call', request: { call: 'unban', room: id, user } };
  enqueue(room, { question, context: { for: 'ban', change, replyTo } }, turn, out);
}

export function deleteRoom(room: RoomState, replyTo: ReplyTo | undefined, turn: Turn, out: Effects): void {
  const { access, commands, writer, id, options } = room;
  if (!access.record) return out.reply(replyTo, NOT_FOUND);
  if (commands.isDeleting) return out.reply(replyTo, GONE);
  commands.isDeleting = true;
  const { epoch } = writer;
  const request = { call: 'deleteRoom', room: id, owner: options.incarnation, epoch } as const;
  enqueue(room, { question: { type: 'call', request }, context: { for: 'delete', replyTo } }, turn, out);
}

/** Removes what a deleted room has left, slice by slice. */
export function emptyRoom(room: RoomState, turn: Turn, out: Effects): void {
  if (room.access.record?.isDeleted) empty(room, undefined, turn, out);
}

function empty(room: RoomState, next: Creation | undefined, turn: Turn, out: Effects): void {
  const question = { type: 'call', request: { call: 'emptyRoom', room: room.id } } as const;
  enqueue(room, { question, context: { for: 'empty', next } }, turn, out);
}

/** One command at a time, in the order of arrival: the store might carry out two in another order. */
function enqueue(room: RoomState, asked: Omit<Command, 'deadline'>, turn: Turn, out: Effects): void {
  const { waiting } = room.commands;
  const command: Command = { ...asked, deadline: turn.deadline };
  if (waiting.length >= WAITING_MAX) return out.reply(askerOf(command), notNow(room));
  waiting.push(command);
  goOn(room, turn, out);
}

/** The next command goes to the store, if the home owns the channel. A channel that has no row is claimed for it. */
export function goOn(room: RoomState, turn: Turn, out: Effects): void {
  const { commands, writer } = room;
  while (!commands.isUnderWay && commands.waiting.length > 0) {
    const [first] = commands.waiting as [Command];
    const isOver = first.deadline < turn.now || writer.state.is === 'stopped';
    if (!isOver && isFenced(first.question) && !(writer.isUsable && writer.epoch > 0)) {
      if (writer.state.is === 'ready') writer.claim(turn, out, true);
      return;
    }
    commands.waiting.shift();
    if (isOver) giveUp(room, first, out);
    else callStore(room, first, turn, out);
  }
}

function giveUp(room: RoomState, command: Command, out: Effects): void {
  if (command.context.for === 'delete') room.commands.isDeleting = false;
  out.reply(askerOf(command), notNow(room));
}

function callStore(room: RoomState, { question, context }: Command, turn: Turn, out: Effects): void {
  const { commands, writer, options } = room;
  commands.isUnderWay = true;
  const { request } = question;
  const asked = { deadlineMs: options.writer.logDeadlineMs, context };
  const { epoch } = writer;
  if (request.call === 'emptyRoom') return out.ask(LOG, { type: 'call', request }, asked);
  // It is fenced by the epoch of the moment at which it goes out.
  if (request.call !== 'deleteRoom') {
    const fence = { owner: options.incarnation, epoch };
    return out.ask(LOG, { type: 'call', request: { ...request, fence } } as typeof question, asked);
  }
  writer.closing(turn, out);
  out.ask(LOG, { type: 'call', request: { ...request, epoch } }, asked);
}

type Ended<Context extends CommandContext = CommandContext> = {
  readonly context: Context;
  readonly answer: Answer<CommandAnswer>;
};

export function commandAnswered(room: RoomState, ended: Ended, turn: Turn, out: Effects): void {
  room.commands.isUnderWay = false;
  judge(room, ended, turn, out);
  goOn(room, turn, out);
}

function judge(room: RoomState, { context, answer }: Ended, turn: Turn, out: Effects): void {
  if (context.for === 'empty') return emptied(room, { context, answer }, turn, out);
  const { access, writer, commands } = room;
  if (context.for === 'delete') commands.isDeleting = false;
  // Null: the store made no change, since the channel has another owner or epoch.
  const isDone = answer.ok && answer.body.ok && answer.body.value !== null;
  if (!isDone) {
    // The store may have carried it out, or may do so later. A claim fences it, and the room reads again what is true.
    access.load(out);
    if (context.for === 'delete') writer.closingFailed(turn, out);
    else writer.doubt(turn, out);
    return out.reply(context.replyTo, notNow(room));
  }
  const { value } = answer.body;
  switch (context.for) {
    case 'create':
      if (value !== true) {
        // Another request was faster: what the room knows is not true.
        access.load(out);
        return out.reply(context.replyTo, ALREADY_EXISTS);
      }
      created(room, context.request, turn, out);
      break;
    case 'delete':
      if (typeof value === 'object' && value) deleted(room, value, turn, out);
      break;
    case 'setMember':
      access.setMember(context.user, context.isMember);
      access.lost(value as number);
      if (!context.isMember) expel(room, { user: context.user, number: value as number }, turn, out);
      break;
    case 'ban':
      banned(room, { ...context, number: value as number }, turn, out);
      break;
  }
  out.reply(context.replyTo, {});
}

function emptied(
  room: RoomState,
  { context: { next }, answer }: Ended<Extract<CommandContext, { for: 'empty' }>>,
  turn: Turn,
  out: Effects,
): void {
  if (!answer.ok || !answer.body.ok) {
    if (next) out.reply(next.replyTo, notNow(room));
    return out.arm('empty', EMPTY_AGAIN_MS);
  }
  if (answer.body.value === true) return empty(room, next, turn, out);
  if (next) create(room, next, turn, out);
}

function created(room: RoomState, request: CreateRoom, turn: Turn, out: Effects): void {
  const { access, writer } = room;
  const { metadata, creator, members } = request;
  access.changed({ access: request.access, metadata, creator, isDeleted: false });
  const allowed = new Set([creator, ...members]);
  for (const user of allowed) access.setMember(user, user === creator || 'invited');
  writer.createsRoom = false;
  if (request.access === 'private') expelAllBut(room, allowed, turn, out);
}

function banned(
  room: RoomState,
  { change, number }: { readonly change: SetBan; readonly number: number },
  turn: Turn,
  out: Effects,
): void {
  const { access, writer } = room;
  // An unban makes no record: where no user is banned there is none to take one out of.
  if (change.type === 'ban' && access.record === null) {
    access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: false });
    writer.createsRoom = false;
  }
  access.bansChanged(change.user);
  access.lost(number);
  if (change.type === 'ban') expel(room, { user: change.user, number }, turn, out);
}

function deleted(room: RoomState, { number, ...claimed }: Deleted, turn: Turn, out: Effects): void {
  const { access, writer } = room;
  access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: true });
  writer.closed(claimed, GONE, turn, out);
  access.lost(number);
  closeAll(room, { reason: 'closed', number }, turn, out);
  emptyRoom(room, turn, out);
}

function notNow({ options }: RoomState): Refusal {
  return unavailable(options.writer, 'the room could not be changed right now');
}

/** Commands of one room that may wait. */
const WAITING_MAX = 256;

/** A slice that could not be removed is tried again after this. */
const EMPTY_AGAIN_MS = 1_000;
