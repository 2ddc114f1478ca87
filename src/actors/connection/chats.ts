import { roomChannel, userChannel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { homeAddress, isRefusal, type Published, type Refusal, type Spent } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { ack, badFrame, refuse, unavailable, type ConnectionContext } from './context.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import type { Subscriptions } from './subscriptions.ts';

/** How long the user's home may take to say whether a message is within the limit. Then the connection counts alone. */
const SPEND_DEADLINE_MS = 1_000;

interface Chat {
  readonly request: RequestOf<'chat'>;
  readonly room: string;
}

export type ChatContext =
  /** Whether the user may send one more message (LM2). */
  ({ readonly for: 'spend'; readonly entry: NewEntry } & Chat) | ({ readonly for: 'chat' } & Chat);

/**
 * The messages of one connection (RQ4). First the user's home says whether there may be one more (LM2), then the room's
 * home takes it. All of them go this way, one behind the other, so they stay in the order sent (DG7).
 */
export class Chats {
  readonly #context: ConnectionContext;
  readonly #subscriptions: Subscriptions;

  constructor(context: ConnectionContext, subscriptions: Subscriptions) {
    this.#context = context;
    this.#subscriptions = subscriptions;
  }

  /** Undefined, or why the frame is refused. */
  chat(request: RequestOf<'chat'>, turn: Turn, out: Outbox): BadFrame | undefined {
    const room = request.room ?? this.#subscriptions.table.onlyRoom();
    if (room === null) return badFrame(request.id, 'room', 'more than one room is joined: name one');
    if (room === undefined) {
      refuse(this.#context, request.id, { error: 'not_joined', message: 'no room is joined: name one' }, out);
      return undefined;
    }
    const { user, options } = this.#context;
    const entry: NewEntry = {
      id: request.id ?? turn.newId(),
      sender: user,
      content: request.content,
      data: request.data === undefined ? null : JSON.stringify(request.data),
      sentAt: request.timestamp ?? null,
    };
    this.#context.gate.begin(1, out);
    if (options.limits.messagesPerMinute === 0) this.#publish({ request, room }, entry, out);
    else this.#spend({ for: 'spend', request, room, entry }, out);
    return undefined;
  }

  #spend(context: ChatContext & { for: 'spend' }, out: Outbox): void {
    const home = homeAddress(userChannel(this.#context.user));
    out.ask(home, { type: 'spend' }, { deadlineMs: SPEND_DEADLINE_MS, context });
  }

  #publish({ request, room }: Chat, entry: NewEntry, out: Outbox): void {
    const { credentials, options } = this.#context;
    const { requestDeadlineMs: deadlineMs } = options.limits;
    const by = credentials.sender;
    const context: ChatContext = { for: 'chat', request, room };
    const home = homeAddress(roomChannel(room));
    out.ask(home, { type: 'publish', entry, by }, { deadlineMs, context, lane: 'user' });
  }

  answered(context: ChatContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    const { request } = context;
    if (context.for === 'chat') {
      this.#context.gate.end(1, out);
      return this.#published(context, answer as Answer<Published | Refusal>, out);
    }
    const { rates } = this.#context;
    const restMs = answer.ok ? (answer.body as Spent).retryAfterMs : rates.messageAlone(turn.now);
    if (restMs === 0) return this.#publish(context, context.entry, out);
    this.#context.gate.end(1, out);
    refuse(this.#context, request.id, rates.messagesSpent(restMs, turn, out), out);
  }

  #published({ request: { id }, room }: Chat, answer: Answer<Published | Refusal>, out: Outbox): void {
    if (!answer.ok) {
      const { retryAfterMs } = this.#context.options.limits;
      const refusal = answer.taken ? { ...UNKNOWN, retryAfterMs } : unavailable(this.#context);
      return refuse(this.#context, id, refusal, out);
    }
    if (isRefusal(answer.body)) return refuse(this.#context, id, answer.body, out);
    const { seq, at, isDuplicate } = answer.body;
    const duplicate = isDuplicate ? { duplicate: true } : {};
    ack(this.#context, id, { room, seq, timestamp: isoTime(at), ...duplicate }, out);
  }
}

const UNKNOWN: Refusal = {
  error: 'outcome_unknown',
  message: 'the message may or may not be stored; send it again with the same id',
};
