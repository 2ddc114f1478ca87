import { roomChannel, userChannel } from '../../protocol/channels.ts';
import type { RequestOf } from '../../protocol/requests.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer, Awaits, Turn } from '../../runtime/ports/actor.ts';
import type { NewEntry } from '../../runtime/ports/log-store.ts';
import { homeAddress, LOAN_MAX, type Lent, type Published } from '../messages/home.ts';
import { isRefusal, type Refusal } from '../messages/terms.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import { ack, badFrame, refuse, unavailable, type ConnectionContext } from './context.ts';
import type { BadFrame } from '../../protocol/decode.ts';
import { Loan } from './loan.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The deadline for the answer of the user's home to `lend`. After it the connection counts alone. */
const LEND_DEADLINE_MS = 1_000;

interface Chat {
  readonly request: RequestOf<'chat'>;
  readonly room: string;
}

interface WaitingChat extends Chat {
  readonly entry: NewEntry;
}

export type ChatContext = LendContext | PublishContext;

/** The user's home was asked for a loan (LM2). */
interface LendContext extends Awaits<Lent> {
  readonly for: 'lend';
  readonly askedAt: number;
}

interface PublishContext extends Chat, Awaits<Published | Refusal> {
  readonly for: 'chat';
}

/**
 * The messages of one connection (RQ4). The user's home lends the connection some of the messages that the user may send
 * (LM2), and the room's home takes each message. While the connection asks for a loan, later chats wait behind the one
 * that needs it, so they stay in the order sent (DG7).
 */
export class Publisher {
  readonly #context: ConnectionContext;
  readonly #subscriptions: Subscriptions;
  readonly #loan = new Loan();
  /** Chats that wait for a loan, in the order sent. While there are any, one question to the user's home is open. */
  #waiting: WaitingChat[] = [];

  constructor(context: ConnectionContext, subscriptions: Subscriptions) {
    this.#context = context;
    this.#subscriptions = subscriptions;
  }

  /** Undefined, or why the frame is refused. */
  chat(request: RequestOf<'chat'>, turn: Turn, out: Effects): BadFrame | undefined {
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
    const chat = { request, room, entry };
    if (options.limits.messagesPerMinute === 0) this.#publish(chat, out);
    else if (this.#waiting.length > 0) this.#waiting.push(chat);
    else if (this.#loan.take(turn.now)) this.#publish(chat, out);
    else {
      this.#waiting.push(chat);
      this.#borrow(turn, out);
    }
    return undefined;
  }

  #borrow(turn: Turn, out: Effects): void {
    const { user, address } = this.#context;
    const message = {
      type: 'lend',
      address,
      wanted: this.#waiting.length,
      unused: this.#loan.end(),
    } as const;
    const context: ChatContext = { for: 'lend', askedAt: turn.now };
    out.ask(homeAddress(userChannel(user)), message, { deadlineMs: LEND_DEADLINE_MS, context });
  }

  /** The connection is over. The rest of its loan goes back to the user's home. */
  release(out: Effects): void {
    const unused = this.#waiting.length > 0 ? LOAN_MAX : this.#loan.end();
    if (unused === 0) return;
    const { user, address } = this.#context;
    out.tell(homeAddress(userChannel(user)), { type: 'returnLoan', address, unused });
  }

  #publish({ request, room, entry }: WaitingChat, out: Effects): void {
    const { credentials, options } = this.#context;
    const { requestDeadlineMs: deadlineMs } = options.limits;
    const by = credentials.sender;
    const context: ChatContext = { for: 'chat', request, room };
    const home = homeAddress(roomChannel(room));
    out.ask(home, { type: 'publish', entry, by }, { deadlineMs, context, lane: 'user' });
  }

  answered(context: ChatContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    if (context.for === 'lend') return this.#lent(context.askedAt, answerFor(context, answer), turn, out);
    this.#context.gate.end(1, out);
    this.#published(context, answerFor(context, answer), out);
  }

  #lent(askedAt: number, answer: Answer<Lent>, turn: Turn, out: Effects): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!answer.ok) {
      for (const chat of waiting) this.#send(chat, this.#context.rates.messageAlone(turn.now), turn, out);
      return;
    }
    const { retryAfterMs } = answer.body;
    this.#loan.lent(answer.body, askedAt);
    for (const chat of waiting) {
      // After a refusal the chats behind it are refused too: there is no message left for them either.
      if (retryAfterMs > 0 || (this.#waiting.length === 0 && this.#loan.take(turn.now)))
        this.#send(chat, retryAfterMs, turn, out);
      else this.#waiting.push(chat);
    }
    if (this.#waiting.length > 0) this.#borrow(turn, out);
  }

  /** `restMs` is how long the user has no message left. */
  #send(chat: WaitingChat, restMs: number, turn: Turn, out: Effects): void {
    if (restMs === 0) return this.#publish(chat, out);
    this.#context.gate.end(1, out);
    refuse(this.#context, chat.request.id, this.#context.rates.messagesSpent(restMs, turn, out), out);
  }

  #published({ request: { id }, room }: Chat, answer: Answer<Published | Refusal>, out: Effects): void {
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
