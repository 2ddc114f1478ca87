import { backoffMs, PAUSE_MS } from '../connection/backoff.ts';
import { validateRequest } from '../wire/validate-request.ts';
import { failed, failure, isRetryable, late, type ClientError, type Done } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { SentMessage } from '../wire/frames.ts';
import { SendBlocks } from './send-blocks.ts';
import type { Message, SendOptions } from './message.ts';
import type { Ports } from '../ports.ts';
import { RestSender } from './rest-sender.ts';
import { pick, SENT, type Fields } from '../wire/frame-schemas.ts';
import { utf8Bytes } from '../wire/text.ts';
import type { Tokens } from '../connection/tokens.ts';

/** Where messages go, and what bounds them. */
export interface SendQueueParts {
  readonly ports: Ports;
  readonly tokens: Pick<Tokens, 'get' | 'renew' | 'accepted' | 'clock'>;
  readonly emitter: Emitter;
  /** Messages that wait. */
  readonly queueMax: number;
  /** How long a message is tried; 0: for ever. */
  readonly sendTimeoutMs: number;
  /** Why there is no connection. */
  readonly trouble: () => ClientError | undefined;
}

/** Unanswered messages on one socket: less than a burst that is allowed (LM2), so that few are refused in vain. */
const WINDOW = 32;
const FRAME_BYTES = 65_536;

/** What is refused for a while that nobody named waits longer up to so many times: 3 s at most. */
const DELAYS_MAX = 3;

/**
 * Messages on their way, in the order in which they were given.
 *
 * - Each is answered once: stored, or why not. What may be stored is never called anything but `outcome_unknown`.
 * - On a new connection all that is not answered goes out again, in order, with the same ids.
 * - In a room nothing is sent past one that waits; without a socket they go by REST, one at a time.
 */
export class SendQueue {
  readonly #parts: SendQueueParts;
  readonly #queue = new Set<Message>();
  readonly #flying = new Map<string, Message>();
  readonly #blocks: SendBlocks;
  readonly #rest: RestSender;
  #way: 'none' | 'rest' | ((text: string) => void) = 'none';
  #frameBytes = FRAME_BYTES;
  #postFailures = 0;
  #cancelDeadline: (() => void) | undefined;

  constructor(parts: SendQueueParts) {
    this.#parts = parts;
    const { ports, tokens, emitter } = parts;
    this.#blocks = new SendBlocks(ports, emitter, () => this.#pump());
    this.#rest = new RestSender({
      ports,
      token: (done) => tokens.get(done),
      heard: (time) => tokens.clock.heardDate(time),
      isWaiting: (message) => this.#queue.has(message),
      stored: (message, sent) => {
        tokens.accepted();
        this.#acked(message, sent);
      },
      unsent: this.#waitsAgain((message, error?: ClientError) => {
        message.why = error;
        this.#postLater();
      }),
      refused: this.#waitsAgain((message, error: ClientError, token: string) =>
        this.#postRefused(message, error, token),
      ),
      unanswered: this.#waitsAgain((message) => {
        message.isDoubtful = true;
        this.#postLater();
      }),
    });
  }

  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const { ports, sendTimeoutMs } = this.#parts;
    const id = options.id ?? ports.newId();
    const frame = validateRequest({ type: 'chat', room, content, ...options, id });
    if (!frame.ok) return done(frame);
    const text = frame.value;
    const bytes = utf8Bytes(text);
    const wrong = this.#noPlace(bytes);
    if (wrong) return done(failed(wrong));
    const endsAt = sendTimeoutMs === 0 ? Infinity : ports.now() + sendTimeoutMs;
    this.#queue.add({ id, room, text, bytes, endsAt, done, stage: 'waiting', delays: 0 });
    this.#watch();
    this.#pump();
  }

  #noPlace(bytes: number): ClientError | undefined {
    if (bytes > this.#frameBytes) return this.#tooLarge();
    const { queueMax } = this.#parts;
    return this.#queue.size >= queueMax
      ? failure('queue_full', `${queueMax} messages are waiting to be sent`)
      : undefined;
  }

  #tooLarge(): ClientError {
    return failure('too_large', `a message, with all around it, has at most ${this.#frameBytes} bytes`);
  }

  // --- ways

  connected(
    send: (text: string) => void,
    limits: { readonly frameBytes: number; readonly messagesPerMinute: number },
  ): void {
    this.#way = send;
    this.#frameBytes = limits.frameBytes;
    this.#blocks.stepMs =
      limits.messagesPerMinute > 0 ? Math.ceil(60_000 / limits.messagesPerMinute) : PAUSE_MS;
    // What is being posted is sent too: the id makes it the same message, and its place in the order is kept.
    this.#rest.forget();
    this.#postFailures = 0;
    this.#blocks.connected();
    this.#backToQueue();
    this.#pump();
  }

  lost(): void {
    if (this.#way === 'rest') return;
    this.#way = 'none';
    this.#backToQueue();
    this.#blocks.lost();
  }

  /** There is no socket to be had. */
  useRest(): void {
    if (this.#way !== 'none') return;
    this.#way = 'rest';
    this.#pump();
  }

  end(error: ClientError): void {
    this.#way = 'none';
    this.#rest.forget();
    this.#cancelDeadline?.();
    for (const message of [...this.#queue]) this.#failed(message, error);
    this.#blocks.end();
  }

  #backToQueue(): void {
    this.#flying.clear();
    for (const message of this.#queue) {
      if (message.stage === 'waiting') continue;
      message.stage = 'waiting';
      message.isDoubtful = true;
    }
  }

  #pump(): void {
    const way = this.#way;
    if (way === 'none' || this.#blocks.has('all')) return;
    if (way === 'rest' && (this.#rest.isBusy || this.#blocks.has('rest'))) return;
    const blocked = new Set<string>();
    // The queue itself, not a copy: it may be long, and this is done for each answer.
    for (const message of this.#queue) {
      // A listener may have changed the way, or what is under way.
      if (way !== this.#way || this.#isFull()) return;
      if (message.stage === 'flying') continue;
      const { room, id } = message;
      if (blocked.has(room) || this.#blocks.has(`room:${room}`) || this.#flying.has(id)) {
        blocked.add(room);
        continue;
      }
      if (message.bytes > this.#frameBytes) this.#failed(message, this.#tooLarge());
      else if (way === 'rest') return this.#rest.post(message);
      else this.#fly(message, way);
    }
  }

  #isFull(): boolean {
    return this.#flying.size >= (this.#blocks.isSlowed ? 1 : WINDOW);
  }

  #fly(message: Message, send: (text: string) => void): void {
    message.stage = 'flying';
    this.#flying.set(message.id, message);
    send(message.text);
  }

  // --- by REST

  #postLater(): void {
    const pauseMs = backoffMs(++this.#postFailures, () => this.#parts.ports.random());
    this.#blocks.hold('rest', PAUSE_MS / 2 + pauseMs);
  }

  #postRefused(message: Message, error: ClientError, token: string): void {
    const isOld = error.code === 'unauthorized' && !message.hasNewToken && this.#parts.tokens.renew(token);
    if (isOld) message.hasNewToken = true;
    else this.#refuse(message, error);
  }

  /** What was posted waits again, unless its time is over meanwhile. */
  #waitsAgain<Rest extends readonly unknown[]>(then: (message: Message, ...rest: Rest) => void) {
    return (message: Message, ...rest: Rest): void => {
      if (this.#queue.has(message)) {
        message.stage = 'waiting';
        then(message, ...rest);
      }
      this.#pump();
    };
  }

  // --- answers

  /** An `ack` that bears this id; false when nothing here waits for it. */
  replied(id: string, fields: Fields): 'taken' | 'broken' | 'unknown' {
    const message = this.#flying.get(id);
    if (!message) return 'unknown';
    const sent = pick(fields, SENT);
    if (!sent) return 'broken';
    this.#acked(message, sent);
    return 'taken';
  }

  refused(id: string, error: ClientError): boolean {
    const message = this.#flying.get(id);
    if (!message) return false;
    this.#flying.delete(id);
    message.stage = 'waiting';
    this.#refuse(message, error);
    this.#pump();
    return true;
  }

  #acked(message: Message, sent: SentMessage): void {
    this.#postFailures = 0;
    this.#settle(message, { ok: true, value: sent });
    if (this.#blocks.isSlowed) this.#blocks.slow(this.#blocks.stepMs);
    this.#pump();
  }

  #refuse(message: Message, error: ClientError): void {
    const { code, retryAfterMs } = error;
    message.why = error;
    // What an earlier try may have stored is not made undone by a later no: a right may have been lost meanwhile.
    if (!isRetryable(code)) return this.#failed(message, error);
    if (code === 'outcome_unknown') message.isDoubtful = true;
    // A user's rate is told with a time, and is of all rooms; everything else, a hook's own too, is the room's.
    if (code === 'rate_limited' && retryAfterMs !== undefined) return this.#blocks.slow(retryAfterMs);
    const delays = Math.min(++message.delays, DELAYS_MAX);
    const pauseMs = retryAfterMs ?? PAUSE_MS + backoffMs(delays, () => this.#parts.ports.random());
    this.#blocks.hold(`room:${message.room}`, pauseMs);
  }

  #failed(message: Message, error: ClientError): void {
    const isDoubtful = message.isDoubtful || message.stage !== 'waiting';
    const doubt = failure('outcome_unknown', `${error.message}; the message may be stored all the same`);
    this.#settle(message, failed(isDoubtful ? doubt : error));
  }

  #settle(message: Message, result: Parameters<Done<SentMessage>>[0]): void {
    if (!this.#queue.delete(message)) return;
    if (this.#flying.get(message.id) === message) this.#flying.delete(message.id);
    message.done(result);
    if (this.#queue.size === 0) this.#blocks.unslow();
  }

  // --- deadlines

  /** All are given the same time, so the first of the queue is the first to be late. */
  #watch(): void {
    if (this.#cancelDeadline) return;
    const [first] = this.#queue;
    if (!first || first.endsAt === Infinity) return;
    const { ports } = this.#parts;
    this.#cancelDeadline = ports.after(Math.max(0, first.endsAt - ports.now()), () => {
      this.#cancelDeadline = undefined;
      for (const message of [...this.#queue]) {
        if (message.endsAt > ports.now()) break;
        this.#failed(message, message.why ?? late('it could not be sent in time', this.#parts.trouble()));
      }
      this.#watch();
      this.#pump();
    });
  }
}
