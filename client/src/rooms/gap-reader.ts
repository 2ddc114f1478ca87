import { backoffMs, PAUSE_MS } from '../connection/reconnect-policy.ts';
import type { Requests } from '../connection/requests.ts';
import type { ClientScope, ConnectionScope } from '../connection/scopes.ts';
import type { Result } from '../errors.ts';
import type { HistoryPage } from '../wire/frames.ts';
import { readHistory } from '../wire/frame-schemas.ts';

/** Gaps that are filled at once. More would use up the user's limit of requests (LM2). */
const ACTIVE_MAX = 4;
const PAGE = 200;

interface Job {
  readonly channel: string;
  readonly after: number;
  readonly done: (page: HistoryPage | undefined) => void;
  /** Whether the channel still waits for it. */
  readonly isWanted: () => boolean;
  /** How often in a row the server denied the right. */
  readonly denials?: number;
}

/** Errors after which a page is never available. */
const FINAL = new Set(['gone', 'not_joined', 'bad_frame', 'unauthorized']);

/**
 * Errors that contradict the client being in the room. The right may be changing. If the user has lost it, the server
 * removes them and the page is no longer needed; if they have it again, the page arrives. So the reader retries for a
 * minute.
 */
const DENIALS = new Set(['forbidden', 'not_found']);
const DENIALS_MAX = 8;

/** Reads pages of logs to fill gaps, a few at a time. It retries temporary failures until the connection ends. */
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

  /** `isAgain`: after a pause. */
  read(job: Job, isAgain: boolean): void {
    if (isAgain) return this.#connection?.after(PAUSE_MS, () => this.read(job, false));
    this.#waiting.push(job);
    this.#next();
  }

  /** The jobs of the lost connection are over. */
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
      // The connection may have changed meanwhile.
      if (!connection.isOver) this.#next();
    });
    this.#requests.ask(question, answered);
  }

  /** Retries later. Other jobs need not wait for this one. */
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
