import { backoffMs, PAUSE_MS } from './backoff.ts';
import { failure, isRetryable, late, type ClientError, type Done } from './codes.ts';
import type { SentMessage } from './frames.ts';
import { Holds } from './holds.ts';
import type { PostAnswer, Ports } from './ports.ts';
import { wrongMessage, type Message, type SendOptions } from './message.ts';
import { ERROR, isObject, pick, SENT, type Fields } from './shapes.ts';
import { toJson, utf8Bytes } from './size.ts';

export interface OutboxOptions {
  /** Messages that wait. */
  readonly queueMax: number;
  /** How long a message is tried; 0: for ever. */
  readonly sendTimeoutMs: number;
}

/** Where messages go. */
export interface OutboxParts {
  readonly ports: Ports;
  readonly token: (done: Done<string>) => void;
  /** The token was refused; false when there is no other. */
  readonly renewToken: () => boolean;
  /** Why there is no connection. */
  readonly trouble: () => ClientError | undefined;
}

/** Unanswered messages on one socket: less than a burst that is allowed (LM2), so that few are refused in vain. */
const WINDOW = 32;
const POST_DEADLINE_MS = 10_000;
const FRAME_BYTES = 65_536;

/**
 * Messages on their way, in the order in which they were given.
 *
 * - Each is answered once: stored, or why not. What may be stored is never called anything but `outcome_unknown`.
 * - On a new connection all that is not answered goes out again, in order, with the same ids.
 * - In a room nothing is sent past one that waits; without a socket they go by REST, one at a time.
 */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #options: OutboxOptions;
  readonly #queue = new Set<Message>();
  readonly #flying = new Map<string, Message>();
  readonly #holds: Holds;
  #way: 'none' | 'rest' | ((text: string) => void) = 'none';
  #frameBytes = FRAME_BYTES;
  /** Between two messages, once one was refused for its rate. */
  #paceMs = PAUSE_MS;
  #isPaced = false;
  #posting = 0;
  #postFailures = 0;
  #cancelDeadline: (() => void) | undefined;

  constructor(parts: OutboxParts, options: OutboxOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#holds = new Holds(parts.ports, () => this.#pump());
  }

  send(room: string, content: string, options: SendOptions, done: Done<SentMessage>): void {
    const { ports } = this.#parts;
    const { sendTimeoutMs } = this.#options;
    const id = options.id ?? ports.newId();
    const { data, timestamp } = options;
    const fields = { id, content, data, timestamp };
    const text = toJson({ type: 'chat', room, ...fields });
    const wrong = wrongMessage(id, content, text) ?? this.#noPlace(text as string);
    if (wrong) return done({ ok: false, error: wrong });
    this.#queue.add({
      id,
      room,
      fields,
      bytes: utf8Bytes(text as string),
      endsAt: sendTimeoutMs === 0 ? Infinity : ports.now() + sendTimeoutMs,
      done,
      stage: 'waiting',
      isDoubtful: false,
      hasNewToken: false,
      why: undefined,
    });
    this.#watch();
    this.#pump();
  }

  #noPlace(text: string): ClientError | undefined {
    if (utf8Bytes(text) > this.#frameBytes) return this.#tooLarge();
    const { queueMax } = this.#options;
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
    this.#frameBytes = limits.frameBytes || Infinity;
    this.#paceMs = limits.messagesPerMinute > 0 ? 60_000 / limits.messagesPerMinute : PAUSE_MS;
    // What is being posted is sent too: the id makes it the same message, and its place in the order is kept.
    this.#posting++;
    this.#postFailures = 0;
    this.#backToQueue();
    this.#pump();
  }

  lost(): void {
    if (this.#way === 'rest') return;
    this.#way = 'none';
    this.#backToQueue();
    this.#holds.releaseRooms();
  }

  /** There is no socket to be had. */
  useRest(): void {
    if (this.#way !== 'none') return;
    this.#way = 'rest';
    this.#pump();
  }

  end(error: ClientError): void {
    this.#way = 'none';
    this.#posting++;
    this.#cancelDeadline?.();
    for (const message of [...this.#queue]) this.#failed(message, error);
    this.#holds.end();
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
    if (way === 'none') return;
    const blocked = new Set<string>();
    for (const message of [...this.#queue]) {
      // A listener may have changed the way, or what waits.
      if (way !== this.#way) return;
      if (message.stage === 'posted') return;
      if (message.stage === 'flying' || !this.#queue.has(message)) continue;
      if (this.#isFull()) return;
      const { room, id } = message;
      if (blocked.has(room) || this.#holds.isHeld(room) || this.#flying.has(id)) {
        blocked.add(room);
        continue;
      }
      if (message.bytes > this.#frameBytes) this.#settle(message, { ok: false, error: this.#tooLarge() });
      else if (way === 'rest') return this.#post(message);
      else this.#fly(message, way);
    }
  }

  #isFull(): boolean {
    return this.#flying.size >= (this.#isPaced ? 1 : WINDOW);
  }

  #fly(message: Message, send: (text: string) => void): void {
    const { id, room, fields } = message;
    message.stage = 'flying';
    this.#flying.set(id, message);
    send(JSON.stringify({ type: 'chat', room, ...fields }));
  }

  // --- by REST

  #post(message: Message): void {
    const { ports, token } = this.#parts;
    message.stage = 'posted';
    const number = ++this.#posting;
    let isOver = false;
    const over = (answer: PostAnswer | undefined): void => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#posted(message, answer, number);
    };
    const cancel = ports.after(POST_DEADLINE_MS, () => over(undefined));
    token((given) => {
      if (isOver || number !== this.#posting) return;
      if (!given.ok) return over({ status: 503, body: { ...given.error } });
      const { room, fields } = message;
      ports.post({ room, token: given.value, body: JSON.stringify(fields) }, over);
    });
  }

  #posted(message: Message, answer: PostAnswer | undefined, number: number): void {
    if (!this.#queue.has(message)) return;
    const body = isObject(answer?.body) ? answer.body : {};
    const isStored = answer?.status === 200 || answer?.status === 201;
    const sent = isStored ? pick(body, SENT) : undefined;
    // It counts whenever it comes; everything else only while nothing newer is under way.
    if (sent) return this.#acked(message, sent);
    if (number !== this.#posting || message.stage !== 'posted') return;
    const error = isStored ? undefined : pick(body, ERROR);
    message.stage = 'waiting';
    if (!error) {
      message.isDoubtful = true;
      this.#holds.hold(
        undefined,
        PAUSE_MS / 2 + backoffMs(++this.#postFailures, () => this.#parts.ports.random()),
      );
    } else if (error.code === 'unauthorized' && !message.hasNewToken && this.#parts.renewToken()) {
      message.hasNewToken = true;
    } else this.#refuse(message, error);
    this.#pump();
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
    if (this.#queue.size === 0) this.#isPaced = false;
    if (this.#isPaced) this.#holds.hold(undefined, this.#paceMs);
    this.#pump();
  }

  #refuse(message: Message, error: ClientError): void {
    const { code, retryAfterMs = PAUSE_MS } = error;
    message.why = error;
    // What an earlier try may have stored is not made undone by a later no: a right may have been lost meanwhile.
    if (!isRetryable(code)) return this.#failed(message, error);
    if (code === 'outcome_unknown') message.isDoubtful = true;
    // A rate is a user's, everything else a room's.
    if (code === 'rate_limited') this.#isPaced = true;
    this.#holds.hold(code === 'rate_limited' ? undefined : message.room, retryAfterMs);
  }

  #failed(message: Message, error: ClientError): void {
    const isDoubtful = message.isDoubtful || message.stage !== 'waiting';
    const doubt = failure('outcome_unknown', `${error.message}; the message may be stored all the same`);
    this.#settle(message, { ok: false, error: isDoubtful ? doubt : error });
  }

  #settle(message: Message, result: Parameters<Done<SentMessage>>[0]): void {
    if (!this.#queue.delete(message)) return;
    if (this.#flying.get(message.id) === message) this.#flying.delete(message.id);
    message.done(result);
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
