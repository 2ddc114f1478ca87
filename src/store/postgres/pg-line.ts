import type pg from 'pg';
import { isSpoilt, messageOf, toSqlError, type PgSessions } from './pg-session.ts';
import { SqlError, type Row, type SqlLine, type SqlResult } from './sql-client.ts';
import type { Statement } from './statement.ts';

/** How many statements may wait for a connection. One more fails at once. */
const WAITING_MAX = 1_000;

interface Call {
  readonly statement: Statement;
  readonly values: unknown[];
  readonly deadlineMs: number;
  /** The deadline by the process's monotonic clock. */
  readonly endsAt: number;
  readonly done: (result: SqlResult) => void;
}

interface LineOptions {
  readonly sessions: PgSessions;
  readonly connections: number;
  /** Called with the error of a connection that broke while no statement used it. */
  readonly onIdleError: (error: Error) => void;
}

/**
 * Connections for one kind of statement only.
 *
 * - A statement goes out at once while a connection is free. Otherwise statements go out in the order of the calls.
 * - One timer serves all deadlines, and runs until the earliest. It runs on when a statement ends, so a busy line sets it
 *   once in the time of a deadline.
 * - A statement that still waits at its deadline has `failed`. The outcome of a statement that was sent is then `unknown`,
 *   and the line gives its connection up.
 */
export class PgLine implements SqlLine {
  readonly #options: LineOptions;
  readonly #busy = new Map<pg.Client, Call>();
  readonly #free: pg.Client[] = [];
  #waiting: Call[] = [];
  #opening = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #isClosed = false;
  /** Set while {@link close} waits for the statements under way. */
  #idle: (() => void) | undefined;
  readonly #ending = new Set<Promise<void>>();

  constructor(options: LineOptions) {
    this.#options = options;
  }

  query(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
  ): Promise<readonly Row[]> {
    return new Promise((resolve, reject) => {
      this.send(statement, values, deadlineMs, (result) =>
        result instanceof SqlError ? reject(result) : resolve(result),
      );
    });
  }

  send(
    statement: Statement,
    values: Readonly<Record<string, unknown>>,
    deadlineMs: number,
    done: (result: SqlResult) => void,
  ): void {
    if (this.#isClosed) return done(new SqlError('failed', 'the store is closed'));
    if (this.#waiting.length >= WAITING_MAX)
      return done(new SqlError('failed', 'too many statements wait for a connection'));
    const endsAt = performance.now() + deadlineMs;
    const call = { statement, values: statement.bind(values), deadlineMs, endsAt, done };
    this.#watch(endsAt, deadlineMs);
    const client = this.#free.pop();
    if (client) return this.#run(client, call);
    this.#waiting.push(call);
    this.#openMore();
  }

  #run(client: pg.Client, call: Call): void {
    this.#busy.set(client, call);
    this.#options.sessions.send(client, call.statement, call.values, (error, rows) => {
      // The deadline has passed: the caller has its answer, and the line has dropped the connection.
      if (this.#busy.get(client) !== call) return;
      const known = error ? toSqlError(error) : undefined;
      this.#busy.delete(client);
      if (this.#isClosed || (known && isSpoilt(known))) this.#drop(client);
      else this.#freed(client);
      call.done(known ?? rows);
    });
  }

  #freed(client: pg.Client): void {
    const next = this.#waiting.shift();
    if (next) this.#run(client, next);
    else this.#free.push(client);
  }

  /** Gives a connection up. The line opens another one when a statement waits for it. */
  #drop(client: pg.Client): void {
    const ending = client.end().catch(() => {});
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
    if (this.#busy.size === 0) this.#idle?.();
    this.#openMore();
  }

  #openMore(): void {
    const { connections } = this.#options;
    const isWanted = this.#waiting.length > this.#opening;
    if (!isWanted || this.#isClosed || this.#busy.size + this.#free.length + this.#opening >= connections)
      return;
    this.#opening++;
    void this.#open();
  }

  async #open(): Promise<void> {
    let client: pg.Client;
    try {
      client = await this.#options.sessions.open();
    } catch (error) {
      this.#opening--;
      // The statement has not been sent, so it was not carried out.
      this.#waiting.shift()?.done(new SqlError('failed', messageOf(error), error));
      return this.#openMore();
    }
    this.#opening--;
    if (this.#isClosed) return void client.end().catch(() => {});
    client.on('error', (error) => this.#broke(client, error));
    this.#freed(client);
    this.#openMore();
  }

  /** A connection broke. If a statement uses it, the driver reports that to the statement. */
  #broke(client: pg.Client, error: Error): void {
    const at = this.#free.indexOf(client);
    if (at < 0) return;
    this.#free.splice(at, 1);
    this.#drop(client);
    this.#options.onIdleError(error);
  }

  // --- deadlines

  #watch(endsAt: number, inMs: number): void {
    if (endsAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = endsAt;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(inMs)));
  }

  #look(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = performance.now();
    const late = this.#waiting.filter((call) => call.endsAt <= now);
    if (late.length > 0) this.#waiting = this.#waiting.filter((call) => call.endsAt > now);
    for (const call of late) call.done(new SqlError('failed', `no connection within ${call.deadlineMs} ms`));
    for (const [client, call] of this.#busy) {
      if (call.endsAt > now) continue;
      this.#busy.delete(client);
      this.#drop(client);
      call.done(new SqlError('unknown', `no answer within ${call.deadlineMs} ms`));
    }
    for (const { endsAt } of [...this.#waiting, ...this.#busy.values()]) this.#watch(endsAt, endsAt - now);
  }

  /** Statements that wait fail. The line lets sent statements end, since the driver would cut their connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#waiting.splice(0)) call.done(new SqlError('failed', 'the store is closed'));
    for (const client of this.#free.splice(0)) this.#drop(client);
    if (this.#busy.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await Promise.all(this.#ending);
    clearTimeout(this.#timer);
  }
}
