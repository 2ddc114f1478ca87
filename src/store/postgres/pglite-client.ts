import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { keepToOwner } from './folder-mode.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import type { WorkerReply, WorkerRequest, WorkerStart } from './pglite-protocol.ts';
import { failureOf, SqlError, type Row, type SqlClient } from './sql-client.ts';
import type { Statement } from './statement.ts';

interface Waiting {
  readonly request: WorkerRequest;
  readonly settle: (reply: WorkerReply) => void;
}

export interface PgliteOptions {
  readonly folder: string;
  /** The database is over, and this client with it: only a new process can go on. */
  readonly onEnd: (error: Error) => void;
  /** Another body for the thread, for tests of how its end is borne. */
  readonly workerFile?: string;
}

/** Statements that may wait for the one session; one more fails at once. */
const WAITING_MAX = 1_000;

/**
 * PostgreSQL inside the process (PGlite), its data in a folder (D19). It is asked one statement at a time.
 * It survives the death of the process, not that of the machine: it does not wait for the disk.
 */
export class PgliteClient implements SqlClient {
  readonly concurrency = 1;
  readonly #worker: Worker;
  readonly #lock: FolderLock;
  readonly #onEnd: (error: Error) => void;
  readonly #waiting: Waiting[] = [];
  #current: Waiting | undefined;
  #lastCall = 0;
  #gone: SqlError | undefined;
  #isClosing = false;

  private constructor(worker: Worker, lock: FolderLock, onEnd: (error: Error) => void) {
    this.#worker = worker;
    this.#lock = lock;
    this.#onEnd = onEnd;
    worker.on('message', (reply: WorkerReply) => this.#replied(reply));
    worker.on('error', (error) => this.#end(`the embedded database crashed: ${error.message}`));
    worker.on('exit', (code) => this.#end(`the embedded database ended with code ${code}`));
  }

  /** Opens the database in a folder, which no other process may be using. */
  static async open({ folder, onEnd, workerFile }: PgliteOptions): Promise<PgliteClient> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    keepToOwner(folder);
    const lock = lockFolder(folder);
    try {
      const data = join(folder, 'pgdata');
      const start: WorkerStart = { folder: data, isNew: !existsSync(join(data, 'PG_VERSION')) };
      checkVersion(data, start.isNew);
      // The compiled file, also when this one runs from its source under a test runner.
      const file = workerFile ?? createRequire(import.meta.url).resolve('#pglite-worker');
      const worker = new Worker(file, { workerData: start, name: 'vagus-pglite' });
      await once(worker, 'message');
      return new PgliteClient(worker, lock, onEnd);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]> {
    return this.#ask(
      { type: 'query', call: ++this.#lastCall, text: statement.text, values: statement.bind(values) },
      deadlineMs,
    );
  }

  session<Result>(work: (run: (sql: string) => Promise<readonly Row[]>) => Promise<Result>): Promise<Result> {
    return work((text) => this.#ask({ type: 'exec', call: ++this.#lastCall, text }, 60_000));
  }

  #ask(request: WorkerRequest, deadlineMs: number): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      if (this.#waiting.length >= WAITING_MAX)
        return reject(new SqlError('failed', 'too many statements wait for the embedded database'));
      const timer = setTimeout(() => this.#late(waiting, deadlineMs, reject), deadlineMs);
      const waiting: Waiting = {
        request,
        settle: (reply) => {
          clearTimeout(timer);
          if (reply.ok) resolve(reply.rows);
          else reject(new SqlError(failureOf(reply.sqlState), reply.message));
        },
      };
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  /** What has not been sent will not be; what has been may yet be carried out. */
  #late(waiting: Waiting, deadlineMs: number, reject: (error: SqlError) => void): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    reject(new SqlError(at >= 0 ? 'failed' : 'unknown', `no answer within ${deadlineMs} ms`));
  }

  #next(): void {
    if (this.#current) return;
    this.#current = this.#waiting.shift();
    if (this.#current) this.#worker.postMessage(this.#current.request);
  }

  #replied(reply: WorkerReply): void {
    const current = this.#current;
    if (!current || current.request.call !== reply.call) return;
    this.#current = undefined;
    current.settle(reply);
    this.#next();
  }

  #end(message: string): void {
    if (this.#gone) return;
    this.#gone = new SqlError('failed', message);
    const sent = this.#current;
    const unsent = this.#waiting.splice(0);
    this.#current = undefined;
    // What was sent may have been carried out before the end.
    sent?.settle({ call: sent.request.call, ok: false, sqlState: '40003', message });
    for (const { request, settle } of unsent)
      settle({ call: request.call, ok: false, sqlState: '57P03', message });
    if (!this.#isClosing) this.#onEnd(this.#gone);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#gone) {
      await this.#ask({ type: 'close', call: ++this.#lastCall }, 10_000).catch(() => {});
      await this.#worker.terminate();
    }
    this.#lock.release();
  }
}

/** A folder of another major version cannot be opened: better said than found out. */
function checkVersion(data: string, isNew: boolean): void {
  if (isNew) return;
  const found = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (found !== PG_VERSION) {
    throw new Error(
      `${data} was made by PostgreSQL ${found}, and this version embeds ${PG_VERSION}: keep the old version to export it`,
    );
  }
}

const PG_VERSION = '18';
