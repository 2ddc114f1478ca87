import { isRetryable, type ClientError, type Done } from '../errors.ts';
import type { SentMessage } from '../wire/frames.ts';
import type { Message } from './message.ts';
import type { PostAnswer, Ports } from '../ports.ts';
import { ERROR, pick, SENT, type Fields } from '../wire/frame-schemas.ts';

const DEADLINE_MS = 10_000;

export interface RestSenderParts {
  readonly ports: Ports;
  readonly token: (done: Done<string>) => void;
  /** The server's time. */
  readonly heard: (time: number | undefined) => void;
  /** Its time is not over yet. */
  readonly isWaiting: (message: Message) => boolean;
  /** It is stored. This counts whenever it comes. */
  readonly stored: (message: Message, sent: SentMessage) => void;
  /** It was not sent: there is no token, or its time was over before there was one. */
  readonly unsent: (message: Message, error?: ClientError) => void;
  readonly refused: (message: Message, error: ClientError, token: string) => void;
  /** There is no answer, or none that can be read. */
  readonly unanswered: (message: Message) => void;
}

/** Messages by REST, one at a time. */
export class RestSender {
  readonly #parts: RestSenderParts;
  /** Answers but a good one are heard only while nothing newer is under way. */
  #number = 0;
  #isBusy = false;
  #cancel: (() => void) | undefined;

  constructor(parts: RestSenderParts) {
    this.#parts = parts;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Only good news is wanted of what is under way. */
  forget(): void {
    this.#number++;
    this.#isBusy = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  post(message: Message): void {
    const { token, isWaiting, unsent } = this.#parts;
    const number = ++this.#number;
    this.#isBusy = true;
    token((given) => {
      if (number !== this.#number) return;
      if (given.ok && isWaiting(message)) return this.#post(message, given.value, number);
      this.#isBusy = false;
      unsent(message, given.ok ? undefined : given.error);
    });
  }

  #post(message: Message, token: string, number: number): void {
    const { ports, unanswered } = this.#parts;
    message.stage = 'posted';
    this.#cancel = ports.after(DEADLINE_MS, () => {
      this.forget();
      unanswered(message);
    });
    const { type: _, room, ...body } = JSON.parse(message.text) as Fields;
    const request = { room: room as string, token, body: JSON.stringify(body) };
    ports.post(request, (answer) => this.#answered(message, answer, { token, number }));
  }

  #answered(message: Message, answer: PostAnswer | undefined, sent: { token: string; number: number }): void {
    const { token, number } = sent;
    const { heard, stored, refused, unanswered } = this.#parts;
    heard(answer?.time);
    const isStored = answer?.status === 200 || answer?.status === 201;
    const ack = isStored ? pick(answer?.body, SENT) : undefined;
    const isHeard = number === this.#number;
    if (isHeard) this.forget();
    if (ack) return stored(message, ack);
    if (!isHeard) return;
    const error = isStored ? undefined : pick(answer?.body, ERROR);
    // What stands in between has errors of its own, and knows nothing of what was stored.
    const isTold =
      error && ((answer?.status ?? 0) < 500 || isRetryable(error.code) || error.code === 'internal');
    if (isTold) refused(message, error, token);
    else unanswered(message);
  }
}
