import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { keepToOwner } from './folder-mode.ts';
import { lockFolder, type FolderLock } from './folder-lock.ts';
import type { WorkerReply, WorkerRequest, WorkerStart } from './pglite-protocol.ts';
import { failureOf, SqlError, type Row, type SqlClient, type SqlLine } from './sql-client.ts';
import type { Statement } from './statement.ts';

interface Waiting {
  readonly request: WorkerRequest;
  readonly settle: (reply: WorkerReply) => void;
}

export interface PgliteOptions {
  readonly folder: string;
  /** The database has ended, and this client with it. Only a new process can continue. */
  readonly onEnd: (error: Error) => void;
  /** Another body for the thread, for tests of its end. */
  readonly workerFile?: string;
}

/** How many statements may wait for the one session. One more fails at once. */
const WAITING_MAX = 1_000;

/**
 * PostgreSQL inside the process (PGlite), with its data in a folder (D19). It carries out one statement at a time. Its data
 * survives the death of the process, not that of the machine: it does not wait for the disk.
 */
export class PgliteClient implements SqlClient {
  readonly #worker: Worker;
  readonly #lock: FolderLock;
  readonly #onEnd: (error: Error) => void;
  /** Statements that wait: those of lines, and all others. */
  readonly #ofLines: Waiting[] = [];
  readonly #others: Waiting[] = [];
  /** The end, which waits for all statements. */
  readonly #last: Waiting[] = [];
  #wasOfLine = false;
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

  /** Opens the database in a folder that no other process uses. */
  static async open({ folder, onEnd, workerFile }: PgliteOptions): Promise<PgliteClient> {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    keepToOwner(folder);
    const lock = lockFolder(folder);
    try {
      const data = join(folder, 'pgdata');
      const start: WorkerStart = { folder: data, isNew: !existsSync(join(data, 'PG_VERSION')) };
      checkVersion(data, start.isNew);
      // A thread needs the compiled file, also when a test runner runs this one from its source.
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
    return this.#ask(queryOf(statement, values, ++this.#lastCall), deadlineMs, this.#others);
  }

  /** All statements share one session. Those of lines and all others take turns. */
  line(): SqlLine {
    const query: SqlLine['query'] = (statement, values, deadlineMs) =>
      this.#ask(queryOf(statement, values, ++this.#lastCall), deadlineMs, this.#ofLines);
    return {
      query,
      send: (statement, values, deadlineMs, done) =>
        void query(statement, values, deadlineMs).then(done, (error: SqlError) => done(error)),
    };
  }

  session<Result>(work: (run: (sql: string) => Promise<readonly Row[]>) => Promise<Result>): Promise<Result> {
    return work((text) => this.#ask({ type: 'exec', call: ++this.#lastCall, text }, 60_000, this.#others));
  }

  #ask(request: WorkerRequest, deadlineMs: number, queue: Waiting[]): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      if (queue.length >= WAITING_MAX)
        return reject(new SqlError('failed', 'too many statements wait for the embedded database'));
      const timer = setTimeout(() => this.#late(waiting, queue, deadlineMs, reject), deadlineMs);
      const waiting: Waiting = {
        request,
        settle: (reply) => {
          clearTimeout(timer);
          if (reply.ok) resolve(reply.rows);
          else reject(new SqlError(failureOf(reply.sqlState), reply.message));
        },
      };
      queue.push(waiting);
      this.#next();
    });
  }

  /** A statement that has not been sent never will be. One that was sent may still be carried out. */
  #late(waiting: Waiting, queue: Waiting[], deadlineMs: number, reject: (error: SqlError) => void): void {
    const at = queue.indexOf(waiting);
    if (at >= 0) queue.splice(at, 1);
    reject(new SqlError(at >= 0 ? 'failed' : 'unknown', `no answer within ${deadlineMs} ms`));
  }

  #next(): void {
    if (this.#current) return;
    const [first, second] = this.#wasOfLine ? [this.#others, this.#ofLines] : [this.#ofLines, this.#others];
    const queue = [first, second].find(({ length }) => length > 0) ?? this.#last;
    this.#wasOfLine = queue === this.#ofLines;
    this.#current = queue.shift();
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
    const unsent = [this.#ofLines, this.#others, this.#last].flatMap((queue) => queue.splice(0));
    this.#current = undefined;
    // The statement that was sent may have been carried out before the end.
    sent?.settle({ call: sent.request.call, ok: false, sqlState: '40003', message });
    for (const { request, settle } of unsent)
      settle({ call: request.call, ok: false, sqlState: '57P03', message });
    if (!this.#isClosing) this.#onEnd(this.#gone);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (!this.#gone) {
      await this.#ask({ type: 'close', call: ++this.#lastCall }, 10_000, this.#last).catch(() => {});
      await this.#worker.terminate();
    }
    this.#lock.release();
  }
}

function queryOf(
  statement: Statement,
  values: Readonly<Record<string, unknown>>,
  call: number,
): WorkerRequest {
  return { type: 'query', call, text: statement.text, values: statement.bind(values) };
}

/** PostgreSQL cannot open a folder of another major version. This error says so plainly. */
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
