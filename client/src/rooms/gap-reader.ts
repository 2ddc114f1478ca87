import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { Requests } from '../connection/requests.ts';
import type { ClientScope, ConnectionScope } from '../connection/scopes.ts';
import type { Result } from '../errors.ts';
import type { HistoryPage } from '../wire/frames.ts';
import { readHistory } from '../wire/frame-schemas.ts';

/** Gaps that are filled at once: more would spend what a user may ask in a minute (LM2). */
const ACTIVE_MAX = 4;
const PAGE = 200;

interface Job {
  readonly channel: string;
  readonly after: number;
  readonly done: (page: HistoryPage | undefined) => void;
  /** Somebody still waits for it. */
  readonly isWanted: () => boolean;
  /** How often in a row its right was denied. */
  readonly denials?: number;
}

/** Answers after which a page will never be had. */
const FINAL = new Set(['gone', 'not_joined', 'bad_frame', 'unauthorized']);

/**
 * Answers that contradict what one is read for: that one is in the room. A right may be changing just now. Who has lost it
 * is told so, and then nobody waits for the page; who has it again gets it. So it is asked for again, a minute in all.
 */
const DENIALS = new Set(['forbidden', 'not_found']);
const DENIALS_MAX = 8;

/** Reads pages of logs to fill gaps, a few at a time; what may succeed later is tried until the connection is over. */
export class GapReader {
  readonly #client: ClientScope;
  readonly #requests: Requests;
  #connection: ConnectionScope | undefined;
  #waiting: Job[] = [];
  #active = 0;
  #isPaused = false;

  constructor(client: ClientScope, requests: Requests) {
    this.#client = client;
    this.#requests = requests;
  }

  connected(connection: ConnectionScope): void {
    this.#connection = connection;
  }

  /** `isAgain`: not at once. */
  read(job: Job, isAgain: boolean): void {
    if (isAgain) return this.#connection?.after(PAUSE_MS, () => this.read(job, false));
    this.#waiting.push(job);
    this.#next();
  }

  /** Nobody waits for what was asked on this connection any more. */
  lost(): void {
    this.#connection = undefined;
    this.#waiting = [];
    this.#active = 0;
    this.#isPaused = false;
  }

  #next(): void {
    while (this.#connection && !this.#isPaused && this.#active < ACTIVE_MAX) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#active++;
      this.#ask(job, this.#connection);
    }
  }

  #ask(job: Job, connection: ConnectionScope): void {
    const { channel, after, done } = job;
    const question = { frame: { type: 'history', channel, after, limit: PAGE }, read: readHistory };
    const answered = connection.within((result: Result<HistoryPage>) => {
      this.#active--;
      if (result.ok) done(result.value);
      else if (DENIALS.has(result.error.code)) this.#denied(job);
      else if (FINAL.has(result.error.code)) done(undefined);
      else {
        this.#waiting.unshift(job);
        this.#pause(result.error.retryAfterMs ?? PAUSE_MS);
      }
      // The connection may be another one by now.
      if (!connection.isOver) this.#next();
    });
    this.#requests.ask(question, answered);
  }

  /** Others need not wait for it. */
  #denied(job: Job): void {
    const { denials = 0, done } = job;
    if (denials === DENIALS_MAX) return done(undefined);
    const growing = backoffMs(denials, this.#client.ports);
    this.#connection?.after(PAUSE_MS + growing, () => {
      if (job.isWanted()) this.read({ ...job, denials: denials + 1 }, false);
    });
  }

  #pause(ms: number): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#connection?.after(ms, () => {
      this.#isPaused = false;
      this.#next();
    });
  }
}
