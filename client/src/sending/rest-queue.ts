import type { HttpAddition } from '../base-core.ts';
import { judgeRefusal } from '../connection/handshake-refusal.ts';
import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { ClientScope, ConnectionScope } from '../connection/scopes.ts';
import { isRetryable, type ClientError } from '../errors.ts';
import type { HttpPorts, PostAnswer } from '../ports.ts';
import { ERROR, pick, SENT, type Fields } from '../wire/frame-schemas.ts';
import { SendQueue, type Message, type SendLimits } from './send-queue.ts';

const DEADLINE_MS = 10_000;

/** Sends messages over REST (RS1), one at a time, while sockets fail. */
class RestQueue extends SendQueue {
  readonly #http: HttpPorts;
  #isByRest = false;
  /** A request or a pause is in progress. */
  #isBusy = false;
  /** The number of the current request. A later success of an older request still counts, its failure does not. */
  #number = 0;
  #failures = 0;
  #cancel: (() => void) | undefined;

  constructor(client: ClientScope, limits: SendLimits, http: HttpPorts) {
    super(client, limits);
    this.#http = http;
  }

  override connected(connection: ConnectionScope): void {
    this.#forget();
    // The client also sends the posted message on the socket. Its id makes it the same message, and the order stays.
    super.connected(connection);
  }

  override lost(): void {
    if (!this.#isByRest) super.lost();
  }

  override unreachable(): void {
    if (this.connection) return;
    this.#isByRest = true;
    this.pump();
  }

  override end(error: ClientError): void {
    this.#forget();
    super.end(error);
  }

  #forget(): void {
    this.#isByRest = false;
    this.#failures = 0;
    this.#stop();
  }

  protected override get isOpen(): boolean {
    return this.#isByRest ? !this.#isBusy : super.isOpen;
  }

  protected override put(message: Message): void {
    if (!this.#isByRest) return super.put(message);
    const number = ++this.#number;
    this.#isBusy = true;
    this.client.tokens.get((given) => {
      if (number !== this.#number) return;
      if (given.ok && this.queue.has(message)) return this.#post(message, given.value, number);
      this.#isBusy = false;
      this.#waitsAgain(message, () => {
        message.why = given.ok ? undefined : given.error;
        this.#pause();
      });
    });
  }

  #post(message: Message, token: string, number: number): void {
    message.stage = 'posted';
    this.#cancel = this.client.ports.after(DEADLINE_MS, () => {
      this.#stop();
      this.#unanswered(message);
    });
    const { type: _, room, ...body } = JSON.parse(message.text) as Fields;
    const request = { room: room as string, token, body: JSON.stringify(body) };
    this.#http.post(request, (answer) => this.#answered(message, answer, { token, number }));
  }

  #answered(message: Message, answer: PostAnswer | undefined, sent: { token: string; number: number }): void {
    const { token, number } = sent;
    const { tokens } = this.client;
    tokens.heardDate(answer?.time);
    const isStored = answer?.status === 200 || answer?.status === 201;
    const ack = isStored ? pick(answer?.body, SENT) : undefined;
    const isHeard = number === this.#number;
    if (isHeard) this.#stop();
    if (ack) {
      this.#failures = 0;
      tokens.accepted();
      return this.stored(message, ack);
    }
    if (!isHeard) return;
    const error = isStored ? undefined : pick(answer?.body, ERROR);
    // A proxy in between has errors of its own, and does not know what the server stored.
    const isTold =
      error && ((answer?.status ?? 0) < 500 || isRetryable(error.code) || error.code === 'internal');
    if (isTold) this.#refused(message, error, token);
    else this.#unanswered(message);
  }

  /** The posted message waits again, unless its time is over. */
  #waitsAgain(message: Message, then: () => void): void {
    if (this.queue.has(message)) {
      message.stage = 'waiting';
      then();
    }
    this.pump();
  }

  /** There is no readable answer. */
  #unanswered(message: Message): void {
    this.#waitsAgain(message, () => {
      message.isDoubtful = true;
      this.#pause();
    });
  }

  #refused(message: Message, error: ClientError, token: string): void {
    this.#waitsAgain(message, () => {
      const isOld = error.code === 'unauthorized' && !message.hasNewToken && this.client.tokens.renew(token);
      if (isOld) message.hasNewToken = true;
      else this.refuse(message, error);
    });
  }

  /** Sends nothing over REST for a while. */
  #pause(): void {
    const { ports } = this.client;
    this.#isBusy = true;
    this.#cancel = ports.after(PAUSE_MS / 2 + backoffMs(++this.#failures, ports), () => {
      this.#isBusy = false;
      this.pump();
    });
  }

  /** From here on only the success of the current request counts. */
  #stop(): void {
    this.#number++;
    this.#isBusy = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** The client's work over HTTP. */
export function overHttp(http: HttpPorts): HttpAddition {
  return {
    queue: (client, limits) => new RestQueue(client, limits, http),
    judge: (failed, done) =>
      http.probe(failed.token, (refusal) => {
        failed.tokens.heardDate(refusal?.time);
        if (!failed.attempt.isOver) done(judgeRefusal(refusal, failed));
      }),
    end: () => http.end(),
  };
}
