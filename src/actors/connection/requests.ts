import { clientChannel, clientName, roomChannel, type Channel } from '../../protocol/channels.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import { WIRE_LIMITS } from '../../protocol/limits.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import { utf8Bytes } from '../../protocol/size.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry, PageStart, StoreCalls } from '../../runtime/ports/log-store.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import { entryFrame } from '../frames.ts';
import {
  homeAddress,
  isRefusal,
  LOG,
  type HomeMessage,
  type LogReply,
  type PresencePage,
  type Published,
  type Refusal,
} from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { ack, refuse, write, type ConnectionContext } from './context.ts';
import type { Subscriptions } from './subscriptions.ts';

/** What a request under way weighs against `inFlightMax`: by what its answer may put into the outbound buffer. */
const WEIGHTS = { chat: 1, history: 64, presence: 16, create: 8, refresh: 8 } as const;

type Weighed = keyof typeof WEIGHTS;

export type RequestContext = {
  readonly [Type in Exclude<Weighed, 'refresh'>]: {
    readonly for: Type;
    readonly request: RequestOf<Type>;
    readonly room: string;
  };
}[Exclude<Weighed, 'refresh'>];

/** The requests that are answered by somebody else: room, log or token verifier. */
export class Requests {
  readonly #context: ConnectionContext;
  readonly #subscriptions: Subscriptions;
  readonly #refreshing = new Map<number, RequestOf<'refresh'>>();
  #lastCall = 0;

  constructor(context: ConnectionContext, subscriptions: Subscriptions) {
    this.#context = context;
    this.#subscriptions = subscriptions;
  }

  // --- chat

  /** Undefined, or why the frame is refused. */
  chat(request: RequestOf<'chat'>, turn: Turn, out: Outbox): BadFrame | undefined {
    const room = request.room ?? this.#subscriptions.table.onlyRoom();
    if (room === null) return badFrame(request.id, 'room', 'more than one room is joined: name one');
    if (room === undefined) {
      this.#refuse(request.id, { error: 'not_joined', message: 'no room is joined: name one' }, out);
      return undefined;
    }
    const { user, credentials } = this.#context;
    const { isAdmin } = credentials;
    const entry: NewEntry = {
      id: request.id ?? turn.newId(),
      sender: user,
      content: request.content,
      data: request.data === undefined ? null : JSON.stringify(request.data),
      sentAt: request.timestamp ?? null,
    };
    this.#askHome(
      roomChannel(room),
      { type: 'publish', entry, by: { user, isAdmin } },
      { for: 'chat', request, room },
      out,
    );
    return undefined;
  }

  #askHome(channel: Channel, message: HomeMessage, context: RequestContext, out: Outbox): void {
    const { requestDeadlineMs: deadlineMs } = this.#context.options.limits;
    this.#context.gate.begin(WEIGHTS[context.for], out);
    out.ask(homeAddress(channel), message, { deadlineMs, context, lane: 'user' });
  }

  #published(
    { id }: RequestOf<'chat'>,
    room: string,
    answer: Answer<Published | Refusal>,
    out: Outbox,
  ): void {
    if (!answer.ok) {
      const refusal: Refusal = answer.taken
        ? {
            error: 'outcome_unknown',
            message: 'the message may or may not be stored; send it again with the same id',
          }
        : this.#unavailable();
      return this.#refuse(id, refusal, out);
    }
    if (isRefusal(answer.body)) return this.#refuse(id, answer.body, out);
    const { seq, at, isDuplicate } = answer.body;
    const duplicate = isDuplicate ? { duplicate: true } : {};
    ack(this.#context, id, { room, seq, timestamp: isoTime(at), ...duplicate }, out);
  }

  // --- signal

  signal(request: RequestOf<'signal'>, out: Outbox): void {
    const { address, user } = this.#context;
    if (!this.#subscriptions.table.isJoined(request.room)) {
      return this.#refuse(request.id, { error: 'not_joined', message: 'the room is not joined' }, out);
    }
    const message = { type: 'signal', address, user, data: request.data } as const;
    // Of the signals that a busy room has not taken yet only the newest matters.
    out.tellLatest(homeAddress(roomChannel(request.room)), message, address);
    ack(this.#context, request.id, { room: request.room }, out);
  }

  // --- history

  /** Undefined, or why the frame is refused. */
  history(request: RequestOf<'history'>, out: Outbox): BadFrame | undefined {
    const { user, credentials, options } = this.#context;
    const { isAdmin } = credentials;
    const name = request.channel ?? roomChannel(request.room ?? '');
    const channel = clientChannel(name, user);
    if (!channel) return badFrame(request.id, 'channel', 'must be broadcast, user or room:{id}');
    const isRoom = channel.startsWith('room:');
    const page = {
      channel,
      start: pageStart(request),
      limit: request.limit ?? WIRE_LIMITS.historyLimitDefault,
      bytesMax: WIRE_LIMITS.historyBytesMax,
      reader: isRoom ? { user, isAdmin } : null,
    };
    const context: RequestContext = { for: 'history', request, room: isRoom ? channel.slice(5) : '' };
    this.#context.gate.begin(WEIGHTS.history, out);
    out.ask(LOG, { type: 'page', ...page }, { deadlineMs: options.limits.requestDeadlineMs, context });
    return undefined;
  }

  #historyRead(
    request: RequestOf<'history'>,
    room: string,
    answer: Answer<LogReply<StoreCalls['page']['reply']>>,
    out: Outbox,
  ): void {
    if (!answer.ok || !answer.body.ok) return this.#refuse(request.id, this.#unavailable(), out);
    const { grant, entries, more } = answer.body.value;
    if (grant === 'forbidden')
      return this.#refuse(
        request.id,
        { error: 'forbidden', message: 'the room is private, and you are not a member' },
        out,
      );
    if (grant === 'gone')
      return this.#refuse(request.id, { error: 'gone', message: 'the room was deleted' }, out);
    if (grant === 'absent' && room !== '' && !this.#context.options.autoCreate) {
      return this.#refuse(request.id, { error: 'not_found', message: 'there is no such room' }, out);
    }
    const channel = clientChannel(request.channel ?? roomChannel(room), this.#context.user) as Channel;
    const frames = entries.map((entry) => entryFrame(channel, entry));
    const isForward = request.after !== undefined;
    const kept = fitting(frames, isForward);
    const id = request.id === undefined ? '' : `"id":"${request.id}",`;
    const place = room === '' ? '' : `"room":"${room}",`;
    write(
      this.#context,
      `{"type":"history",${id}"channel":"${clientName(channel)}",${place}"messages":[${kept.join(',')}],"more":${more || kept.length < frames.length}}`,
      out,
    );
  }

  // --- presence

  presence(request: RequestOf<'presence'>, out: Outbox): void {
    const { user, credentials } = this.#context;
    const { isAdmin } = credentials;
    const message = { type: 'presence', after: request.after, user, isAdmin } as const;
    this.#askHome(roomChannel(request.room), message, { for: 'presence', request, room: request.room }, out);
  }

  #presenceRead(request: RequestOf<'presence'>, answer: Answer<PresencePage | Refusal>, out: Outbox): void {
    if (!answer.ok) return this.#refuse(request.id, this.#unavailable(), out);
    if (isRefusal(answer.body)) return this.#refuse(request.id, answer.body, out);
    const { members, total, more } = answer.body;
    const shown = members.map((member) => ({ ...member, since: isoTime(member.since) }));
    write(
      this.#context,
      JSON.stringify({ type: 'presence', id: request.id, room: request.room, members: shown, total, more }),
      out,
    );
  }

  // --- create

  create(request: RequestOf<'create'>, turn: Turn, out: Outbox): void {
    const room = request.room ?? turn.newId();
    const message = {
      type: 'create',
      creator: this.#context.user,
      access: request.access,
      members: request.members ?? [],
      metadata: JSON.stringify(request.metadata ?? {}),
    } as const;
    this.#askHome(roomChannel(room), message, { for: 'create', request, room }, out);
  }

  #created(request: RequestOf<'create'>, room: string, answer: Answer<object>, out: Outbox): void {
    if (!answer.ok) return this.#refuse(request.id, this.#unavailable(), out);
    if (isRefusal(answer.body)) return this.#refuse(request.id, answer.body, out);
    ack(this.#context, request.id, { room }, out);
  }

  // --- refresh

  refresh(request: RequestOf<'refresh'>, out: Outbox): void {
    const call = ++this.#lastCall;
    this.#refreshing.set(call, request);
    this.#context.gate.begin(WEIGHTS.refresh, out);
    out.add({ type: 'verify', call, token: request.token });
  }

  /** The claims to go on with, when the new token is good and the same user's. */
  verified(call: number, verdict: Verdict, out: Outbox): (Verdict & { ok: true })['claims'] | undefined {
    const request = this.#refreshing.get(call);
    if (!request) return undefined;
    this.#refreshing.delete(call);
    this.#context.gate.end(WEIGHTS.refresh, out);
    if (!verdict.ok && verdict.isUndecided) {
      this.#refuse(request.id, { ...this.#unavailable(), message: verdict.message }, out);
      return undefined;
    }
    if (!verdict.ok || verdict.claims.user !== this.#context.user) {
      const message = verdict.ok ? 'the token is another user’s' : verdict.message;
      this.#refuse(request.id, { error: 'unauthorized', message, field: 'token' }, out);
      return undefined;
    }
    ack(this.#context, request.id, { expiresAt: isoTime(verdict.claims.expiresAt) }, out);
    return verdict.claims;
  }

  // --- answers

  answered(context: RequestContext, answer: Answer<unknown>, out: Outbox): void {
    this.#context.gate.end(WEIGHTS[context.for], out);
    switch (context.for) {
      case 'chat':
        return this.#published(context.request, context.room, answer as Answer<Published | Refusal>, out);
      case 'history':
        return this.#historyRead(
          context.request,
          context.room,
          answer as Answer<LogReply<StoreCalls['page']['reply']>>,
          out,
        );
      case 'presence':
        return this.#presenceRead(context.request, answer as Answer<PresencePage | Refusal>, out);
      case 'create':
        return this.#created(context.request, context.room, answer as Answer<object>, out);
    }
  }

  #unavailable(): Refusal {
    return {
      error: 'unavailable',
      message: 'this cannot be done right now',
      retryAfterMs: this.#context.options.limits.retryAfterMs,
    };
  }

  #refuse(id: string | undefined, refusal: Refusal, out: Outbox): void {
    refuse(this.#context, id, refusal, out);
  }
}

function badFrame(id: string | undefined, field: string, why: string): BadFrame {
  return { ok: false, field, message: `${field}: ${why}`, ...(id === undefined ? {} : { id }) };
}

function pageStart(request: RequestOf<'history'>): PageStart {
  if (request.after !== undefined) return { after: request.after };
  return request.before !== undefined ? { before: request.before } : 'newest';
}

/** As many frames as a result may hold (RQ6), from the end where the reader stands; at least one. */
function fitting(frames: readonly string[], isForward: boolean): readonly string[] {
  const order = isForward ? frames : [...frames].toReversed();
  let bytes = 0;
  let count = 0;
  for (const frame of order) {
    bytes += utf8Bytes(frame) + 1;
    if (bytes > WIRE_LIMITS.historyBytesMax && count > 0) break;
    count++;
  }
  return isForward ? frames.slice(0, count) : frames.slice(frames.length - count);
}
