import type { Answer, ReplyTo, Turn } from '../../runtime/ports/actor.ts';
import type { Claimed, StoreRequest } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { LOG, type CreateRoom, type LogReply, type Refusal, type SetBan } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { NOT_FOUND, type Access } from './access.ts';
import type { Evictions } from './evictions.ts';
import type { Ledger } from './ledger.ts';

export type ChangeContext =
  | ({ readonly for: 'create' } & Creation)
  | {
      readonly for: 'setMember';
      readonly user: string;
      readonly isMember: boolean;
      readonly replyTo: ReplyTo | undefined;
    }
  | { readonly for: 'ban'; readonly change: SetBan; readonly replyTo: ReplyTo | undefined }
  | { readonly for: 'delete'; readonly replyTo: ReplyTo | undefined }
  /** `next` is made when nothing is left of the deleted room. */
  | { readonly for: 'empty'; readonly next: Creation | undefined };

interface Creation {
  readonly request: CreateRoom;
  readonly replyTo: ReplyTo | undefined;
}

type ChangeCall = Extract<
  StoreRequest,
  { call: 'createRoom' | 'setMember' | 'ban' | 'unban' | 'deleteRoom' | 'emptyRoom' }
>;

export interface RecordChangesParts {
  readonly room: string;
  readonly incarnation: Incarnation;
  readonly deadlineMs: number;
  readonly access: Access;
  readonly ledger: Ledger;
  readonly evictions: Evictions;
}

/**
 * How a room is made, given other members, and removed. All of it goes through the room's home, so that
 * what is known of rights there is true: it is changed in the store first, then here.
 */
export class RecordChanges {
  readonly #parts: RecordChangesParts;
  #isDeleting = false;
  #isUnderWay = false;
  readonly #waiting: { readonly request: ChangeCall; readonly context: ChangeContext }[] = [];

  constructor(parts: RecordChangesParts) {
    this.#parts = parts;
  }

  /** No change is under way. */
  get isAtRest(): boolean {
    return !this.#isUnderWay && this.#waiting.length === 0;
  }

  create(request: CreateRoom, replyTo: ReplyTo | undefined, out: Outbox): void {
    const { record } = this.#parts.access;
    // Its messages may be there still: they are not for whoever asks first.
    const isOthers = record?.isLost && !request.isAdmin && request.creator !== record.creator;
    if (isOthers) return out.reply(replyTo, NOT_FOUND);
    if (record && !record.isLost && !record.isDeleted) return out.reply(replyTo, ALREADY_EXISTS);
    // What is left of a room of this name must not be seen in the new one.
    if (record?.isDeleted) this.#empty({ request, replyTo }, out);
    else this.#create({ request, replyTo }, out);
  }

  #create({ request, replyTo }: Creation, out: Outbox): void {
    const { creator, access, metadata, members } = request;
    const call = {
      call: 'createRoom',
      room: this.#parts.room,
      creator,
      access,
      metadata,
      members,
    } as const;
    this.#callStore(call, { for: 'create', request, replyTo }, out);
  }

  setMember(user: string, isMember: boolean, replyTo: ReplyTo | undefined, out: Outbox): void {
    const { access, room } = this.#parts;
    const refusal = access.record ? access.absence() : NOT_FOUND;
    if (refusal) return out.reply(replyTo, refusal);
    // Who is no member of a public room may use it all the same: whoever asks for this wants something else.
    if (!isMember && access.access === 'public') return out.reply(replyTo, { isPublic: true });
    const call = { call: 'setMember', room, user, isMember } as const;
    this.#callStore(call, { for: 'setMember', user, isMember, replyTo }, out);
  }

  /** A ban makes the record of a room that has none, as a first message does (FR7). */
  setBan(change: SetBan, replyTo: ReplyTo | undefined, out: Outbox): void {
    const { access, room } = this.#parts;
    const refusal = access.absence();
    if (refusal) return out.reply(replyTo, refusal);
    const { user } = change;
    const call =
      change.type === 'ban'
        ? ({ call: 'ban', room, user, until: change.until, foundsRoom: access.record === null } as const)
        : ({ call: 'unban', room, user } as const);
    this.#callStore(call, { for: 'ban', change, replyTo }, out);
  }

  delete(replyTo: ReplyTo | undefined, out: Outbox): void {
    const { access, ledger, room, incarnation: owner } = this.#parts;
    if (!access.record) return out.reply(replyTo, NOT_FOUND);
    if (this.#isDeleting) return out.reply(replyTo, GONE);
    this.#isDeleting = true;
    this.#callStore(
      { call: 'deleteRoom', room, owner, epoch: ledger.epoch },
      { for: 'delete', replyTo },
      out,
    );
  }

  /** Removes what a deleted room has left, slice by slice. */
  empty(out: Outbox): void {
    if (this.#parts.access.record?.isDeleted) this.#empty(undefined, out);
  }

  #empty(next: Creation | undefined, out: Outbox): void {
    this.#callStore({ call: 'emptyRoom', room: this.#parts.room }, { for: 'empty', next }, out);
  }

  #emptied({ next }: ChangeContext & { for: 'empty' }, answer: Answer<LogReply<unknown>>, out: Outbox): void {
    if (!answer.ok || !answer.body.ok) {
      if (next) out.reply(next.replyTo, this.#parts.ledger.unavailable(NOT_NOW));
      return out.arm('empty', EMPTY_AGAIN_MS);
    }
    if (answer.body.value === true) return this.#empty(next, out);
    if (next) this.#create(next, out);
  }

  /** One change at a time, in the order in which they were asked for: the store might carry out two in another. */
  #callStore(request: ChangeCall, context: ChangeContext, out: Outbox): void {
    if (this.#waiting.length >= WAITING_MAX) {
      const replyTo = context.for === 'empty' ? context.next?.replyTo : context.replyTo;
      return out.reply(replyTo, this.#parts.ledger.unavailable(NOT_NOW));
    }
    this.#waiting.push({ request, context });
    this.#askStore(out);
  }

  #askStore(out: Outbox): void {
    const first = this.#isUnderWay ? undefined : this.#waiting.shift();
    if (!first) return;
    this.#isUnderWay = true;
    const { request, context } = first;
    // A deletion is fenced by the epoch of when it goes out.
    const { epoch } = this.#parts.ledger;
    const sent = request.call === 'deleteRoom' ? { ...request, epoch } : request;
    if (request.call === 'deleteRoom') this.#parts.ledger.closing();
    out.ask(LOG, { type: 'call', request: sent }, { deadlineMs: this.#parts.deadlineMs, context });
  }

  answered(context: ChangeContext, answer: Answer<LogReply<unknown>>, turn: Turn, out: Outbox): void {
    this.#isUnderWay = false;
    this.#judge(context, answer, turn, out);
    this.#askStore(out);
  }

  #judge(context: ChangeContext, answer: Answer<LogReply<unknown>>, turn: Turn, out: Outbox): void {
    const { access, ledger } = this.#parts;
    if (context.for === 'empty') return this.#emptied(context, answer, out);
    if (context.for === 'delete') this.#isDeleting = false;
    const isRefused = context.for === 'delete' && answer.ok && answer.body.ok && answer.body.value === null;
    if (isRefused || !answer.ok || !answer.body.ok) {
      // It may have been carried out: what is true is read anew.
      access.load(out);
      if (context.for === 'delete') ledger.closingFailed(turn, out);
      return out.reply(context.replyTo, ledger.unavailable(NOT_NOW));
    }
    switch (context.for) {
      case 'create':
        return this.#created(context, answer.body.value === true, turn, out);
      case 'delete':
        this.#deleted(answer.body.value as Claimed, turn, out);
        break;
      case 'setMember':
        access.setMember(context.user, context.isMember);
        if (!context.isMember) this.#parts.evictions.expel(context.user, turn, out);
        break;
      case 'ban':
        this.#banned(context.change, turn, out);
        break;
    }
    out.reply(context.replyTo, {});
  }

  #created(
    { request, replyTo }: ChangeContext & { for: 'create' },
    isNew: boolean,
    turn: Turn,
    out: Outbox,
  ): void {
    const { access, ledger, evictions } = this.#parts;
    if (!isNew) {
      // Somebody else was faster: what we know of the room is not true.
      access.load(out);
      return out.reply(replyTo, ALREADY_EXISTS);
    }
    const { metadata, creator, members } = request;
    access.changed({ access: request.access, metadata, creator, isDeleted: false });
    const allowed = new Set([creator, ...members]);
    for (const user of allowed) access.setMember(user, user === creator || 'invited');
    ledger.foundsRoom = false;
    if (request.access === 'private') evictions.expelAllBut(allowed, turn, out);
    out.reply(replyTo, {});
  }

  #banned(change: SetBan, turn: Turn, out: Outbox): void {
    const { access, ledger, evictions } = this.#parts;
    // An unban makes no record: who is banned from nowhere has none to be taken out of.
    if (change.type === 'ban' && access.record === null) {
      access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: false });
      ledger.foundsRoom = false;
    }
    access.bansChanged(change.user);
    if (change.type === 'ban') evictions.expel(change.user, turn, out);
  }

  #deleted(claimed: Claimed, turn: Turn, out: Outbox): void {
    const { access, ledger, evictions } = this.#parts;
    access.changed({ access: 'public', metadata: '{}', creator: null, isDeleted: true });
    ledger.closed(claimed, GONE, turn, out);
    evictions.closeAll(turn, out);
    this.empty(out);
  }
}

/** Changes of one room that may wait. */
const WAITING_MAX = 256;

/** A slice that could not be removed is tried again after this. */
const EMPTY_AGAIN_MS = 1_000;

const NOT_NOW = 'the room could not be changed right now';

const ALREADY_EXISTS: Refusal = { error: 'already_exists', message: 'there is such a room already' };
export const GONE: Refusal = { error: 'gone', message: 'the room was deleted' };
