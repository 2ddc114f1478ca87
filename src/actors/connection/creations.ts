import { roomChannel, userChannel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import { bucketOf, type TokenBucket } from '../../limits/token-bucket.ts';
import { homeAddress, type Spent } from '../messages/home.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import type { Effects } from '../kit/effects.ts';
import { ack, refuse, unavailable, type ConnectionContext } from './context.ts';
import { askPermit, isAsked } from './permits.ts';
import { WEIGHTS } from './weights.ts';

type Create = RequestOf<'create'>;

export type CreationContext = SpendContext | CreateContext;

/** The user's home is asked whether the user may make one more (LM13). */
interface SpendContext extends Awaits<Spent> {
  readonly for: 'roomSpent';
  readonly request: Create;
}

interface CreateContext extends Awaits<object> {
  readonly for: 'create';
  readonly request: Create;
  readonly room: string;
  /** It is one of those that the user may make in an hour. */
  readonly isCounted: boolean;
}

/** How long the user's home may take to say whether there may be one more. Then the connection counts alone. */
const SPEND_DEADLINE_MS = 1_000;

const HOUR_MS = 3_600_000;

/** The rooms that a connection makes (RQ8): the node's settings and the application decide which users may. */
export class Creations {
  readonly #context: ConnectionContext;
  #roomsAlone: TokenBucket | undefined;

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  create(request: Create, turn: Turn, out: Effects): void {
    const refusal = this.#refusal(request);
    if (refusal) return refuse(this.#context, request.id, refusal, out);
    const named = { ...request, room: request.room ?? turn.newId() };
    if (isAsked(this.#context)) this.permit(named, out);
    else this.make(named, out);
  }

  /** Why this connection makes no rooms, if so. */
  #refusal({ members = [] }: Create): Refusal | undefined {
    const { credentials, options } = this.#context;
    const { roomsCreate, limits } = options;
    const isAllowed = roomsCreate === 'users' || (roomsCreate === 'admins' && credentials.isAdmin);
    const membersMax = (!credentials.isAdmin && limits.membersPerCreate) || Infinity;
    if (isAllowed && members.length > membersMax)
      return { error: 'limit_reached', message: `a room is made with ${membersMax} members at most` };
    if (isAllowed) return undefined;
    const message =
      roomsCreate === 'off' ? 'rooms are not made by request here' : 'only admins make rooms here';
    return { error: 'forbidden', message };
  }

  permit(next: Create, out: Effects): void {
    this.#context.gate.begin(WEIGHTS.permit, out);
    askPermit(this.#context, ['create', next.room ?? ''], { for: 'permit', next }, out);
  }

  make(request: Create, out: Effects): void {
    // The token may be another one since the application was asked.
    const refusal = this.#refusal(request);
    if (refusal) return refuse(this.#context, request.id, refusal, out);
    const { user, gate, credentials, options } = this.#context;
    const isCounted = options.limits.roomsPerHour > 0 && !credentials.isAdmin;
    if (!isCounted) return this.#make(request, false, out);
    const context: CreationContext = { for: 'roomSpent', request };
    gate.begin(WEIGHTS.roomSpent, out);
    const home = homeAddress(userChannel(user));
    out.ask(home, { type: 'spendRoom' }, { deadlineMs: SPEND_DEADLINE_MS, context });
  }

  spent({ request }: SpendContext, answer: Answer<Spent>, turn: Turn, out: Effects): void {
    const { roomsPerHour } = this.#context.options.limits;
    this.#roomsAlone ??= bucketOf(roomsPerHour, HOUR_MS);
    const restMs = answer.ok ? answer.body.retryAfterMs : (this.#roomsAlone?.take(turn.now) ?? 0);
    if (restMs === 0) return this.#make(request, true, out);
    const message = `you may make ${roomsPerHour} rooms an hour`;
    refuse(this.#context, request.id, { error: 'limit_reached', message }, out);
  }

  #make(request: Create, isCounted: boolean, out: Effects): void {
    const { user, gate, credentials, options } = this.#context;
    const { room = '', access, members = [], metadata = {} } = request;
    const message = {
      type: 'create',
      creator: user,
      isAdmin: credentials.isAdmin,
      access,
      members,
      metadata: JSON.stringify(metadata),
    } as const;
    const context: CreationContext = { for: 'create', request, room, isCounted };
    const { requestDeadlineMs: deadlineMs } = options.limits;
    gate.begin(WEIGHTS.create, out);
    out.ask(homeAddress(roomChannel(room)), message, { deadlineMs, context, lane: 'user' });
  }

  made({ request, room, isCounted }: CreateContext, answer: Answer<object>, out: Effects): void {
    if (!answer.ok) return refuse(this.#context, request.id, unavailable(this.#context), out);
    if (isRefusal(answer.body)) {
      if (isCounted) out.tell(homeAddress(userChannel(this.#context.user)), { type: 'giveRoomBack' });
      return refuse(this.#context, request.id, answer.body, out);
    }
    ack(this.#context, request.id, { room }, out);
  }
}
