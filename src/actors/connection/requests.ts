import { channelId, channelKind, clientChannel, roomChannel, type Channel } from '../../protocol/channels.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { Action } from '../../runtime/ports/hooks.ts';
import type { HookAnswer } from '../hooks/hooks.ts';
import type { Verdict } from '../../runtime/ports/tokens.ts';
import { DIRECTORY, type RoomsPage } from '../directory.ts';
import { historyFields, historyRequest } from '../history.ts';
import {
  homeAddress,
  isRefusal,
  LOG,
  type HomeMessage,
  type PageReply,
  type PresencePage,
  type Refusal,
  type Spent,
} from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { Creations, type CreationContext } from './creations.ts';
import { askPermit, isAsked, refusalOf, type Permit } from './permits.ts';
import { WEIGHTS } from './weights.ts';
import { ack, badFrame, refuse, unavailable, write, type ConnectionContext } from './context.ts';
import type { Subscriptions } from './subscriptions.ts';
import { LazyMap } from '../lazy.ts';

/** `asAdmin`: it was asked with the scope that passes every check. */
export type RequestContext =
  /** The application is asked whether it may be done (`authorize`). */
  | ({ readonly for: 'permit' } & Permit<PermittedRequest>)
  | ({ readonly for: 'history'; readonly request: RequestOf<'history'>; readonly channel: Channel } & Asked)
  | ({ readonly for: 'presence'; readonly request: RequestOf<'presence'> } & Asked)
  | CreationContext
  | ({ readonly for: 'rooms'; readonly request: RequestOf<'rooms'> } & Asked);

/** What the application may be asked about. */
type PermittedRequest = RequestOf<'history' | 'presence' | 'signal' | 'create'>;

interface Asked {
  readonly asAdmin: boolean;
}

/** The requests that are answered by somebody else: room, log or token verifier. */
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

  // --- what the application has a say in

  /** It is asked before anything is done. */
  #permit(action: Action, room: string, next: PermittedRequest, out: Outbox): void {
    this.#context.gate.begin(WEIGHTS.permit, out);
    askPermit(this.#context, [action, room], { for: 'permit', next }, out);
  }

  #permitted(context: RequestContext & { for: 'permit' }, answer: Answer<HookAnswer>, out: Outbox): void {
    const { next } = context;
    const refusal = refusalOf(this.#context, context, answer);
    if (refusal && refusal !== 'again') return this.#refuse(next.id, refusal, out);
    const isPermitted = refusal === undefined;
    switch (next.type) {
      case 'history':
        return void this.history(next, out, isPermitted);
      case 'presence':
        return this.presence(next, out, isPermitted);
      case 'signal':
        return this.#signal(next, out, isPermitted);
      case 'create':
        return isPermitted ? this.creations.make(next, out) : this.creations.permit(next, out);
    }
  }

  // --- signal

  /** A signal too many: nothing is looked at, and nothing is said. */
  dropped({ id, room }: RequestOf<'signal'>, out: Outbox): void {
    ack(this.#context, id, { room }, out);
  }

  signal(request: RequestOf<'signal'>, out: Outbox): void {
    this.#signal(request, out, !isAsked(this.#context));
  }

  #signal(request: RequestOf<'signal'>, out: Outbox, isPermitted: boolean): void {
    const { address, user } = this.#context;
    if (!this.#subscriptions.table.isJoined(request.room)) {
      return this.#refuse(request.id, { error: 'not_joined', message: 'the room is not joined' }, out);
    }
    if (!isPermitted) return this.#permit('signal', request.room, request, out);
    const message = { type: 'signal', address, user, data: request.data } as const;
    // Of the signals that a busy room has not taken yet only the newest matters.
    out.tellLatest(homeAddress(roomChannel(request.room)), message, address);
    ack(this.#context, request.id, { room: request.room }, out);
  }

  // --- history

  /** Undefined, or why the frame is refused. */
  history(
    request: RequestOf<'history'>,
    out: Outbox,
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
    { request, channel }: RequestContext & { for: 'history' },
    answer: Answer<PageReply>,
    turn: Turn,
    out: Outbox,
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
      // Who is in the room and may not read it is there by mistake: his home has to hear of it (JW4).
      const isJoined =
        channelKind(channel) === 'room' && this.#subscriptions.table.isJoined(channelId(channel));
      if (isJoined) out.tell(homeAddress(channel), { type: 'rightDoubted' });
      return this.#refuse(request.id, fields, out);
    }
    const id = request.id === undefined ? '' : `"id":"${request.id}",`;
    write(this.#context, `{"type":"history",${id}${fields}}`, out);
  }

  // --- presence

  presence(request: RequestOf<'presence'>, out: Outbox, isPermitted = !isAsked(this.#context)): void {
    if (!isPermitted) return this.#permit('presence', request.room, request, out);
    const { user, credentials } = this.#context;
    const { isAdmin } = credentials;
    const message = { type: 'presence', after: request.after, user, isAdmin } as const;
    this.#askHome(roomChannel(request.room), message, { for: 'presence', request, asAdmin: isAdmin }, out);
  }

  #presenceRead(request: RequestOf<'presence'>, answer: Answer<PresencePage | Refusal>, out: Outbox): void {
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

  rooms(request: RequestOf<'rooms'>, out: Outbox): void {
    const { user, credentials, options } = this.#context;
    const { after, limit, invited } = request;
    const message = { type: 'list', user, isAdmin: credentials.isAdmin, after, limit, invited } as const;
    const context: RequestContext = { for: 'rooms', request, asAdmin: credentials.isAdmin };
    this.#context.gate.begin(WEIGHTS.rooms, out);
    out.ask(DIRECTORY, message, { deadlineMs: options.limits.requestDeadlineMs, context });
  }

  #roomsRead({ id }: RequestOf<'rooms'>, answer: Answer<RoomsPage | Refusal>, out: Outbox): void {
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

  answered(context: RequestContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    this.#context.gate.end(WEIGHTS[context.for], out);
    if (context.for === 'permit') return this.#permitted(context, answer as Answer<HookAnswer>, out);
    if (context.for === 'roomSpent') return this.creations.spent(context, answer as Answer<Spent>, turn, out);
    // The scope with which it was asked is gone: what it would show may not be for this token.
    if ('asAdmin' in context && context.asAdmin && !this.#context.credentials.isAdmin)
      return void this.#askAgain(context, out);
    switch (context.for) {
      case 'history':
        return this.#historyRead(context, answer as Answer<PageReply>, turn, out);
      case 'presence':
        return this.#presenceRead(context.request, answer as Answer<PresencePage | Refusal>, out);
      case 'create':
        return this.creations.made(context, answer as Answer<object>, out);
      case 'rooms':
        return this.#roomsRead(context.request, answer as Answer<RoomsPage | Refusal>, out);
    }
  }

  #askAgain(
    context: Exclude<RequestContext, { readonly for: 'create' | 'roomSpent' | 'permit' }>,
    out: Outbox,
  ): BadFrame | void {
    switch (context.for) {
      case 'history':
        return this.history(context.request, out);
      case 'presence':
        return this.presence(context.request, out);
      case 'rooms':
        return this.rooms(context.request, out);
    }
  }

  #askHome(channel: Channel, message: HomeMessage, context: RequestContext, out: Outbox): void {
    const { requestDeadlineMs: deadlineMs } = this.#context.options.limits;
    this.#context.gate.begin(WEIGHTS[context.for], out);
    out.ask(homeAddress(channel), message, { deadlineMs, context, lane: 'user' });
  }

  #refuse(id: string | undefined, refusal: Refusal, out: Outbox): void {
    refuse(this.#context, id, refusal, out);
  }
}
