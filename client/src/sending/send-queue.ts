import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { ClientScope, ConnectionScope } from '../connection/scopes.ts';
import {
  failed,
  failure,
  isRetryable,
  late,
  queueFull,
  tooLarge,
  type ClientError,
  type Done,
  type Result,
} from '../errors.ts';
import type { SentMessage } from '../wire/frames.ts';
import { pick, SENT, type Fields } from '../wire/frame-schemas.ts';
import { utf8Bytes } from '../wire/text.ts';
import { SendBlocks } from './send-blocks.ts';

export interface SendOptions {
  /** Makes the message safe to resend: 1 to 64 of `A-Z a-z 0-9 _ . -`. The client makes one if it is missing. */
  readonly id?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  /** The sender's own time, ISO 8601. Others get it as `sentAt`. */
  readonly timestamp?: string;
}

/** A message on its way. */
export interface Message {
  readonly id: string;
  readonly room: string;
  /** The text of its frame. */
  readonly text: string;
  readonly bytes: number;
  readonly endsAt: number;
  readonly done: Done<SentMessage>;
  stage: 'waiting' | 'flying' | 'posted';
  /** It may be stored although no ack arrived (DG4). */
  isDoubtful?: boolean;
  hasNewToken?: boolean;
  /** How often the server refused it for a while without naming a time. */
  delays: number;
  why?: ClientError | undefined;
}

/** The bounds of the queue. */
export interface SendLimits {
  /** How many messages may wait. */
  readonly queueMax: number;
  /** How long the client tries to send a message; 0: for ever. */
  readonly sendTimeoutMs: number;
}

/** Messages in flight on one socket: less than an allowed burst (LM2), so that few are refused in vain. */
const WINDOW = 32;
const FRAME_BYTES = 65_536;

/** A delay without a named time grows up to this many times, to 3 s at most. */
const DELAYS_MAX = 3;

/**
 * Messages on their way, in the order of the application.
 *
 * - Each is answered once: stored, or an error. A message that may be stored fails only with `outcome_unknown`.
 * - A new connection sends all unanswered messages again, in order, with the same ids.
 * - Within a room no message overtakes a waiting one.
 */
export class SendQueue {
  protected readonly client: ClientScope;
  protected readonly queue = new Set<Message>();
  protected connection: ConnectionScope | undefined;
  readonly #limits: SendLimits;
  readonly #blocks: SendBlocks;
  readonly #flying = new Map<string, Message>();
  #frameBytes = FRAME_BYTES;
  #cancelDeadline: (() => void) | undefined;

  constructor(client: ClientScope, limits: SendLimits) {
    this.client = client;
    this.#limits = limits;
    this.#blocks = new SendBlocks(client, () => this.pump());
  }

  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const { ports, encode } = this.client;
    const { queueMax, sendTimeoutMs } = this.#limits;
    const id = options.id ?? ports.newId();
    const frame = encode({ type: 'chat', room, content, ...options, id });
    if (!frame.ok) return done(frame);
    const text = frame.value;
    const bytes = utf8Bytes(text);
    if (bytes > this.#frameBytes) return done(failed(tooLarge(this.#frameBytes)));
    if (this.queue.size >= queueMax) return done(failed(queueFull(queueMax)));
    const endsAt = sendTimeoutMs === 0 ? Infinity : ports.now() + sendTimeoutMs;
    this.queue.add({ id, room, text, bytes, endsAt, done, stage: 'waiting', delays: 0 });
    this.#watch();
    this.pump();
  }

  // --- ways

  connected(connection: ConnectionScope): void {
    const { messagesPerMinute } = connection.welcome.limits;
    this.connection = connection;
    this.#frameBytes = connection.frameBytes;
    this.#blocks.stepMs = messagesPerMinute > 0 ? Math.ceil(60_000 / messagesPerMinute) : PAUSE_MS;
    this.#backToQueue();
    this.pump();
  }

  lost(): void {
    this.connection = undefined;
    this.#backToQueue();
    this.#blocks.lost();
  }

  /** No connection is available. Messages wait. */
  unreachable(): void {}

  end(error: ClientError): void {
    this.connection = undefined;
    this.#cancelDeadline?.();
    for (const message of [...this.queue]) this.#failed(message, error);
    this.#blocks.end();
  }

  #backToQueue(): void {
    this.#flying.clear();
    for (const message of this.queue) {
      if (message.stage === 'waiting') continue;
      message.stage = 'waiting';
      message.isDoubtful = true;
    }
  }

  protected pump(): void {
    if (this.#blocks.has('all')) return;
    const blocked = new Set<string>();
    // The queue itself and not a copy, because it may be long and each answer runs this loop.
    for (const message of this.queue) {
      // A listener may have changed the messages in flight, or ended the connection.
      if (!this.isOpen) return;
      if (message.stage === 'flying') continue;
      const { room, id } = message;
      if (blocked.has(room) || this.#blocks.has(`room:${room}`) || this.#flying.has(id)) {
        blocked.add(room);
        continue;
      }
      if (message.bytes > this.#frameBytes) this.#failed(message, tooLarge(this.#frameBytes));
      else this.put(message);
    }
  }

  /** Whether one more message may be sent now. */
  protected get isOpen(): boolean {
    return this.connection !== undefined && this.#flying.size < (this.#blocks.isSlowed ? 1 : WINDOW);
  }

  protected put(message: Message): void {
    message.stage = 'flying';
    this.#flying.set(message.id, message);
    this.connection?.send(message.text);
  }

  // --- answers

  /** An `ack` with this id. Undefined when no message here waits for it, false when the frame is invalid. */
  replied(id: string, fields: Fields): boolean | undefined {
    const message = this.#flying.get(id);
    if (!message) return undefined;
    const sent = pick(fields, SENT);
    if (!sent) return false;
    this.stored(message, sent);
    return true;
  }

  refused(id: string, error: ClientError): boolean {
    const message = this.#flying.get(id);
    if (!message) return false;
    this.#flying.delete(id);
    message.stage = 'waiting';
    this.refuse(message, error);
    this.pump();
    return true;
  }

  /** The message is stored. This counts whenever it arrives. */
  protected stored(message: Message, sent: SentMessage): void {
    this.#settle(message, { ok: true, value: sent });
    if (this.#blocks.isSlowed) this.#blocks.slow(this.#blocks.stepMs);
    this.pump();
  }

  protected refuse(message: Message, error: ClientError): void {
    const { code, retryAfterMs } = error;
    message.why = error;
    // A later refusal does not undo what an earlier try may have stored: the user may have lost a right meanwhile.
    if (!isRetryable(code)) return this.#failed(message, error);
    if (code === 'outcome_unknown') message.isDoubtful = true;
    // The user's rate limit names a time and covers all rooms. Every other refusal, also one of a hook, covers the room.
    if (code === 'rate_limited' && retryAfterMs !== undefined) return this.#blocks.slow(retryAfterMs);
    const delays = Math.min(++message.delays, DELAYS_MAX);
    const pauseMs = retryAfterMs ?? PAUSE_MS + backoffMs(delays, this.client.ports);
    this.#blocks.hold(`room:${message.room}`, pauseMs);
  }

  #failed(message: Message, error: ClientError): void {
    const isDoubtful = message.isDoubtful || message.stage !== 'waiting';
    const doubt = failure('outcome_unknown', `${error.message}; the message may be stored all the same`);
    this.#settle(message, failed(isDoubtful ? doubt : error));
  }

  #settle(message: Message, result: Result<SentMessage>): void {
    if (!this.queue.delete(message)) return;
    if (this.#flying.get(message.id) === message) this.#flying.delete(message.id);
    message.done(result);
    if (this.queue.size === 0) this.#blocks.unslow();
  }

  // --- deadlines

  /** All messages have the same timeout, so the first in the queue is the first to time out. */
  #watch(): void {
    if (this.#cancelDeadline) return;
    const [first] = this.queue;
    if (!first || first.endsAt === Infinity) return;
    const { ports } = this.client;
    this.#cancelDeadline = ports.after(Math.max(0, first.endsAt - ports.now()), () => {
      this.#cancelDeadline = undefined;
      for (const message of [...this.queue]) {
        if (message.endsAt > ports.now()) break;
        this.#failed(message, message.why ?? late('it could not be sent in time', this.client.trouble));
      }
      this.#watch();
      this.pump();
    });
  }
}
