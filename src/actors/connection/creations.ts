import { roomChannel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import { homeAddress, isRefusal, type Refusal } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { ack, refuse, unavailable, type ConnectionContext } from './context.ts';
import { askPermit, isAsked } from './permits.ts';
import { WEIGHTS } from './weights.ts';

type Create = RequestOf<'create'>;

export interface CreationContext {
  readonly for: 'create';
  readonly request: Create;
  readonly room: string;
}

/** The rooms that a connection makes (RQ8): who may is said by the node's settings, and by the application. */
export class Creations {
  readonly #context: ConnectionContext;

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  create(request: Create, turn: Turn, out: Outbox): void {
    const refusal = this.#refusal();
    if (refusal) return refuse(this.#context, request.id, refusal, out);
    const named = { ...request, room: request.room ?? turn.newId() };
    if (isAsked(this.#context)) this.permit(named, out);
    else this.make(named, out);
  }

  /** Why this connection makes no rooms, if so. */
  #refusal(): Refusal | undefined {
    const { credentials, options } = this.#context;
    const { roomsCreate } = options;
    if (roomsCreate === 'users' || (roomsCreate === 'admins' && credentials.isAdmin)) return undefined;
    const message =
      roomsCreate === 'off' ? 'rooms are not made by request here' : 'only admins make rooms here';
    return { error: 'forbidden', message };
  }

  permit(next: Create, out: Outbox): void {
    this.#context.gate.begin(WEIGHTS.permit, out);
    askPermit(this.#context, ['create', next.room ?? ''], { for: 'permit', next }, out);
  }

  make(request: Create, out: Outbox): void {
    const { user, gate, options } = this.#context;
    const { room = '', access, members = [], metadata = {} } = request;
    const message = {
      type: 'create',
      creator: user,
      access,
      members,
      metadata: JSON.stringify(metadata),
    } as const;
    const context: CreationContext = { for: 'create', request, room };
    const { requestDeadlineMs: deadlineMs } = options.limits;
    gate.begin(WEIGHTS.create, out);
    out.ask(homeAddress(roomChannel(room)), message, { deadlineMs, context, lane: 'user' });
  }

  made({ request, room }: CreationContext, answer: Answer<object>, out: Outbox): void {
    if (!answer.ok) return refuse(this.#context, request.id, unavailable(this.#context), out);
    if (isRefusal(answer.body)) return refuse(this.#context, request.id, answer.body, out);
    ack(this.#context, request.id, { room }, out);
  }
}
