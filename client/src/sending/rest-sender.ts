import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { ClientScope } from '../connection/scopes.ts';
import { isRetryable, type ClientError } from '../errors.ts';
import type { PostAnswer } from '../ports.ts';
import { ERROR, pick, SENT, type Fields } from '../wire/frame-schemas.ts';
import type { Message, SecondWay, SendQueue } from './send-queue.ts';

const DEADLINE_MS = 10_000;

/** Messages by REST (RS1), one at a time, while sockets do not get through. */
class RestSender implements SecondWay {
  readonly #client: ClientScope;
  readonly #queue: SendQueue;
  /** Answers but a good one are heard only while nothing newer is under way. */
  #number = 0;
  #failures = 0;
  #isBusy = false;
  #cancel: (() => void) | undefined;

  constructor(client: ClientScope, queue: SendQueue) {
    this.#client = client;
    this.#queue = queue;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  forget(): void {
    this.#failures = 0;
    this.#stop();
  }

  send(message: Message): void {
    const number = ++this.#number;
    this.#isBusy = true;
    this.#client.tokens.get((given) => {
      if (number !== this.#number) return;
      if (given.ok && this.#queue.isWaiting(message)) return this.#post(message, given.value, number);
      this.#isBusy = false;
      this.#queue.waitsAgain(message, () => {
        message.why = given.ok ? undefined : given.error;
        this.#pause();
      });
    });
  }

  #post(message: Message, token: string, number: number): void {
    const { ports } = this.#client;
    message.stage = 'posted';
    this.#cancel = ports.after(DEADLINE_MS, () => {
      this.#stop();
      this.#unanswered(message);
    });
    const { type: _, room, ...body } = JSON.parse(message.text) as Fields;
    const request = { room: room as string, token, body: JSON.stringify(body) };
    ports.post(request, (answer) => this.#answered(message, answer, { token, number }));
  }

  #answered(message: Message, answer: PostAnswer | undefined, sent: { token: string; number: number }): void {
    const { token, number } = sent;
    const { tokens } = this.#client;
    tokens.clock?.heardDate(answer?.time);
    const isStored = answer?.status === 200 || answer?.status === 201;
    const ack = isStored ? pick(answer?.body, SENT) : undefined;
    const isHeard = number === this.#number;
    if (isHeard) this.#stop();
    if (ack) {
      this.#failures = 0;
      tokens.accepted();
      return this.#queue.stored(message, ack);
    }
    if (!isHeard) return;
    const error = isStored ? undefined : pick(answer?.body, ERROR);
    // What stands in between has errors of its own, and knows nothing of what was stored.
    const isTold =
      error && ((answer?.status ?? 0) < 500 || isRetryable(error.code) || error.code === 'internal');
    if (isTold) this.#refused(message, error, token);
    else this.#unanswered(message);
  }

  /** There is no answer, or none that can be read. */
  #unanswered(message: Message): void {
    this.#queue.waitsAgain(message, () => {
      message.isDoubtful = true;
      this.#pause();
    });
  }

  #refused(message: Message, error: ClientError, token: string): void {
    this.#queue.waitsAgain(message, () => {
      const isOld = error.code === 'unauthorized' && !message.hasNewToken && this.#client.tokens.renew(token);
      if (isOld) message.hasNewToken = true;
      else this.#queue.refuse(message, error);
    });
  }

  /** Nothing is sent by REST for a while. */
  #pause(): void {
    const { ports } = this.#client;
    this.#isBusy = true;
    this.#cancel = ports.after(PAUSE_MS / 2 + backoffMs(++this.#failures, ports), () => {
      this.#isBusy = false;
      this.#queue.pump();
    });
  }

  /** Only good news is wanted of what is under way. */
  #stop(): void {
    this.#number++;
    this.#isBusy = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** Lets a client send by REST while it cannot connect: an option of `connect` of `vagus-client/base`. */
export const sendByRest = (client: ClientScope, queue: SendQueue): SecondWay => new RestSender(client, queue);
