import { channelId, channelKind, clientChannel, roomChannel, type Channel } from '../../protocol/channels.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import type { Action } from '../../runtime/ports/hooks.ts';
import type { HookAnswer } from '../hooks/hooks.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import { DIRECTORY, type RoomsPage } from '../node/directory.ts';
import { historyFields, historyRequest } from '../kit/history.ts';
import { homeAddress, type PresencePage } from '../messages/home.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import { LOG, type PageReply } from '../messages/log.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import { Creations, type CreationContext } from './creations.ts';
import { askPermit, isAsked, refusalOf, type Permit } from './permits.ts';
import { WEIGHTS } from './weights.ts';
import { ack, badFrame, refuse, unavailable, write, type ConnectionContext } from './context.ts';
import type { Subscriptions } from './subscriptions.ts';
import { LazyMap } from '../kit/lazy.ts';

/** `asAdmin`: it was asked with the scope that passes every check. */
export type RequestContext =
  /** The application is asked whether it may be done (`authorize`). */
  | ({ readonly for: 'permit' } & Permit<PermittedRequest>)
  | HistoryContext
  | PresenceContext
  | CreationContext
  | RoomsContext;

type AnsweredElsewhere = RequestOf<'signal' | 'history' | 'presence' | 'create' | 'rooms' | 'refresh'>;

/** The requests about which the application may be asked. */
type PermittedRequest = RequestOf<'history' | 'presence' | 'signal' | 'create'>;

interface Asked {
  readonly asAdmin: boolean;
}

interface HistoryContext extends Asked, Awaits<PageReply> {
  readonly for: 'history';
  readonly request: RequestOf<'history'>;
  readonly channel: Channel;
}

interface PresenceContext extends Asked, Awaits<PresencePage | Refusal> {
  readonly for: 'presence';
  readonly request: RequestOf<'presence'>;
}

interface RoomsContext extends Asked, Awaits<RoomsPage | Refusal> {
  readonly for: 'rooms';
  readonly request: RequestOf<'rooms'>;
}

/** The requests that another actor answers: a room, the log, or the token verifier. */
export class Requests {
  readonly #context: ConnectionContext;
  readonly #subscriptions: Subscriptions;
  readonly creations: Creations;
  readonly #refreshing = new LazyMap<number, RequestOf<'refresh'>>();
  #lastCall = 0;

  constructor(context: ConnectionContext, subscriptions: Subscriptions) {
    this.#context = context;
    this.#subscriptions = subscriptions;
    this.creations = new Creations(context);
  }

  /** Undefined, or why the frame is refused. */
  take(request: AnsweredElsewhere, turn: Turn, out: Effects): BadFrame | undefined | void {
    switch (request.type) {
      case 'signal':
        return this.#signal(request, out, !isAsked(this.#context));
      case 'history':
        return this.#history(request, out);
      case 'presence':
        return this.#presence(request, out);
      case 'create':
        return this.creations.create(request, turn, out);
      case 'rooms':
        return this.#rooms(request, out);
      case 'refresh':
        return this.#refresh(request, out);
    }
  }

  // --- requests that the application may refuse

  /** It is asked before anything is done. */
  #permit(action: Action, room: string, next: PermittedRequest, out: Effects): void {
    this.#context.gate.begin(WEIGHTS.permit, out);
    askPermit(this.#context, [action, room], { for: 'permit', next }, out);
  }

  #permitted(context: RequestContext & { for: 'permit' }, answer: Answer<HookAnswer>, out: Effects): void {
    const { next } = context;
    const refusal = refusalOf(this.#context, context, answer);
    if (refusal && refusal !== 'again') return this.#refuse(next.id, refusal, out);
    const isPermitted = refusal === undefined;
    switch (next.type) {
      case 'history':
        return void this.#history(next, out, isPermitted);
      case 'presence':
        return this.#presence(next, out, isPermitted);
      case 'signal':
        return this.#signal(next, out, isPermitted);
      case 'create':
        return isPermitted ? this.creations.make(next, out) : this.creations.permit(next, out);
    }
  }

  // --- signal

  /** A signal beyond the rate: it is dropped unread, and gets no answer. */
  dropped({ id, room }: RequestOf<'signal'>, out: Effects): void {
    ack(this.#context, id, { room }, out);
  }

  #signal(request: RequestOf<'signal'>, out: Effects, isPermitted: boolean): void {
    const { address, user } = this.#context;
    if (!this.#subscriptions.table.isJoined(request.room)) {
      return this.#refuse(request.id, { error: 'not_joined', message: 'the room is not joined' }, out);
    }
    if (!isPermitted) return this.#permit('signal', request.room, request, out);
    const message = { type: 'signal', address, user, data: request.data } as const;
    // Only the newest of the signals that a busy room has not taken yet matters.
    out.tellLatest(homeAddress(roomChannel(request.room)), message, address);
    ack(this.#context, request.id, { room: request.room }, out);
  }

  // --- history

  /** Undefined, or why the frame is refused. */
  #history(
    request: RequestOf<'history'>,
    out: Effects,
    isPermitted = !isAsked(this.#context),
  ): BadFrame | undefined {
    const { user, credentials, options } = this.#context;
    const { isAdmin } = credentials;
    const name = request.channel ?? roomChannel(request.room ?? '');
    const channel = clientChannel(name, user);
    if (!channel) return badFrame(request.id, 'channel', 'must be broadcast, user or room:{id}');
    if (!isPermitted && channelKind(channel) === 'room') {
      this.#permit('read', channelId(channel), request, out);
      return undefined;
    }
    const page = historyRequest(channel, request, { user, isAdmin });
    const context: RequestContext = { for: 'history', request, channel, asAdmin: isAdmin };
    this.#context.gate.begin(WEIGHTS.history, out);
    out.ask(LOG, { type: 'page', ...page }, { deadlineMs: options.limits.requestDeadlineMs, context });
    return undefined;
  }

  #historyRead(
    { request, channel }: HistoryContext,
    answer: Answer<PageReply>,
    turn: Turn,
    out: Effects,
  ): void {
    if (answer.ok && !answer.body.ok && answer.body.failure === 'limited')
      return this.#refuse(
        request.id,
        this.#context.rates.readsSpent(answer.body.retryAfterMs, turn.now),
        out,
      );
    if (!answer.ok || !answer.body.ok) return this.#refuse(request.id, unavailable(this.#context), out);
    const fields = historyFields(channel, request, answer.body.value, this.#context.options.autoCreate);
    if (typeof fields !== 'string') {
      // A user in the room who may not read it is there by mistake: the room's home has to hear of it (JW4).
      const isJoined =
        channelKind(channel) === 'room' && this.#subscriptions.table.isJoined(channelId(channel));
      if (isJoined) out.tell(homeAddress(channel), { type: 'rightDoubted' });
      return this.#refuse(request.id, fields, out);
    }
    const id = request.id === undefined ? '' : `"id":"${request.id}",`;
    write(this.#context, `{"type":"history",${id}${fields}}`, out);
  }

  // --- presence

  #presence(request: RequestOf<'presence'>, out: Effects, isPermitted = !isAsked(this.#context)): void {
    if (!isPermitted) return this.#permit('presence', request.room, request, out);
    const { user, credentials, options } = this.#context;
    const { isAdmin } = credentials;
    const { requestDeadlineMs: deadlineMs } = options.limits;
    const message = { type: 'presence', after: request.after, user, isAdmin } as const;
    const context: RequestContext = { for: 'presence', request, asAdmin: isAdmin };
    this.#context.gate.begin(WEIGHTS.presence, out);
    out.ask(homeAddress(roomChannel(request.room)), message, { deadlineMs, context, lane: 'user' });
  }

  #presenceRead(request: RequestOf<'presence'>, answer: Answer<PresencePage | Refusal>, out: Effects): void {
    if (!answer.ok) return this.#refuse(request.id, unavailable(this.#context), out);
    if (isRefusal(answer.body)) return this.#refuse(request.id, answer.body, out);
    const { members, total, more } = answer.body;
    const shown = members.map((member) => ({ ...member, since: isoTime(member.since) }));
    write(
      this.#context,
      JSON.stringify({ type: 'presence', id: request.id, room: request.room, members: shown, total, more }),
      out,
    );
  }

  // --- rooms

  #rooms(request: RequestOf<'rooms'>, out: Effects): void {
    const { user, credentials, options } = this.#context;
    const { after, limit, invited } = request;
    const message = { type: 'list', user, isAdmin: credentials.isAdmin, after, limit, invited } as const;
    const context: RequestContext = { for: 'rooms', request, asAdmin: credentials.isAdmin };
    this.#context.gate.begin(WEIGHTS.rooms, out);
    out.ask(DIRECTORY, message, { deadlineMs: options.limits.requestDeadlineMs, context });
  }

  #roomsRead({ id }: RequestOf<'rooms'>, answer: Answer<RoomsPage | Refusal>, out: Effects): void {
    if (!answer.ok) return this.#refuse(id, unavailable(this.#context), out);
    if (isRefusal(answer.body)) return this.#refuse(id, answer.body, out);
    const { rooms, more } = answer.body;
    // Metadata is JSON text already.
    const shown = rooms.map(
      ({ room, access, metadata, present, isInvited }) =>
        `{"room":"${room}","access":"${access}","metadata":${metadata},"present":${present}` +
        (isInvited ? ',"invited":true}' : '}'),
    );
    const named = id === undefined ? '' : `"id":"${id}",`;
    write(this.#context, `{"type":"rooms",${named}"rooms":[${shown.join(',')}],"more":${more}}`, out);
  }

  // --- refresh

  #refresh(request: RequestOf<'refresh'>, out: Effects): void {
    const call = ++this.#lastCall;
    this.#refreshing.set(call, request);
    this.#context.gate.begin(WEIGHTS.refresh, out);
    out.add({ type: 'verify', call, token: request.token });
  }

  /** The claims to go on with, when the new token is good and the same user's. */
  verified(call: number, verdict: Verdict, out: Effects): (Verdict & { ok: true })['claims'] | undefined {
    const request = this.#refreshing.get(call);
    if (!request) return undefined;
    this.#refreshing.delete(call);
    this.#context.gate.end(WEIGHTS.refresh, out);
    if (!verdict.ok && verdict.isUndecided) {
      const { message, retryAfterMs = this.#context.options.limits.retryAfterMs } = verdict;
      this.#refuse(request.id, { error: 'unavailable', message, retryAfterMs }, out);
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

  answered(context: RequestContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    this.#context.gate.end(WEIGHTS[context.for], out);
    if (context.for === 'permit') return this.#permitted(context, answerFor(context, answer), out);
    if (context.for === 'roomSpent')
      return this.creations.spent(context, answerFor(context, answer), turn, out);
    // The scope of the question is gone: the answer may not be for this token.
    if ('asAdmin' in context && context.asAdmin && !this.#context.credentials.isAdmin)
      return void this.#askAgain(context, out);
    switch (context.for) {
      case 'history':
        return this.#historyRead(context, answerFor(context, answer), turn, out);
      case 'presence':
        return this.#presenceRead(context.request, answerFor(context, answer), out);
      case 'create':
        return this.creations.made(context, answerFor(context, answer), out);
      case 'rooms':
        return this.#roomsRead(context.request, answerFor(context, answer), out);
    }
  }

  #askAgain(context: HistoryContext | PresenceContext | RoomsContext, out: Effects): BadFrame | void {
    switch (context.for) {
      case 'history':
        return this.#history(context.request, out);
      case 'presence':
        return this.#presence(context.request, out);
      case 'rooms':
        return this.#rooms(context.request, out);
    }
  }

  #refuse(id: string | undefined, refusal: Refusal, out: Effects): void {
    refuse(this.#context, id, refusal, out);
  }
}
