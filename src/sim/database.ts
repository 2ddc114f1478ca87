import type { Channel } from '../protocol/channels.ts';
import type {
  EntryOutcome,
  StoreCallName,
  StoreCalls,
  StoreReply,
  StoreRequest,
} from '../runtime/ports/log-store.ts';
import type { MemoryLogStore } from '../store/memory/memory-log-store.ts';
import type { Snapshot } from '../store/memory/snapshot.ts';
import type { Book, LogChecker } from './log-checker.ts';
import { detail, outcome } from './statement-text.ts';
import type { Scheduled, Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** The server gives up on a statement after this: before any caller does (D8). */
const STATEMENT_TIMEOUT_MS = 2_500;

/** A statement at the server. */
interface Statement {
  readonly number: number;
  readonly request: StoreRequest;
  /** From having its locks to its commit; infinite when something holds it up. */
  readonly workMs: number;
  readonly done: (reply: StoreReply) => void;
  /** Rows it waits for, or has. */
  locks: readonly Channel[];
  /** Undone after this, unless it is done before. */
  timeout: Scheduled | undefined;
}

const UNDONE: StoreReply = {
  ok: false,
  failure: 'failed',
  message: 'canceling statement due to statement timeout',
};

/** What is said of a statement whose connection has ended. */
export const BROKEN: StoreReply = {
  ok: false,
  failure: 'unknown',
  message: 'Connection terminated unexpectedly',
};

/** A copy of everything. */
export interface Standby {
  readonly data: Snapshot;
  readonly book: Book;
}

/** Statements that see what is committed when they begin, and change nothing. */
export const READS: ReadonlySet<StoreCallName> = new Set([
  'heads',
  'places',
  'page',
  'lookup',
  'rooms',
  'membership',
  'banned',
  'listRooms',
  'revoked',
  'moved',
  'ping',
]);

/**
 * A PostgreSQL as far as the log can tell: statements that begin, hold locks of rows, and commit later or not at all.
 * What they mean is `MemoryLogStore`, which the contract suite holds against the real one.
 *
 * - An append passes over rows that are locked; a claim and a deletion wait for them, first come first served.
 * - Nothing is seen of a statement before its commit, and all of it from then on.
 */
export class SimDatabase {
  readonly #memory: MemoryLogStore;
  readonly #timeline: Timeline;
  readonly #checker: LogChecker;
  readonly #trace: Trace;
  readonly #locked = new Map<Channel, Statement>();
  #waiting: Statement[] = [];
  /** What has begun and is not answered: all of it ends with the server. */
  readonly #open = new Set<Statement>();
  #last = 0;
  /** Which server it is, from 1: connections lead to one of them. */
  server = 1;

  constructor(parts: {
    readonly memory: MemoryLogStore;
    readonly timeline: Timeline;
    readonly checker: LogChecker;
    readonly trace: Trace;
  }) {
    this.#memory = parts.memory;
    this.#timeline = parts.timeline;
    this.#checker = parts.checker;
    this.#trace = parts.trace;
  }

  get log(): string {
    return this.#memory.log;
  }

  /** A statement arrives. `done` hears of it when it is committed or undone. */
  begin(request: StoreRequest, workMs: number, done: (reply: StoreReply) => void): void {
    const number = ++this.#last;
    const statement: Statement = { number, request, workMs, done, locks: [], timeout: undefined };
    this.#trace.say('database', () => `$ ${number} ${request.call} begins${detail(request)}`);
    this.#open.add(statement);
    if (READS.has(request.call)) return this.#answerLater(statement, this.#carryOut(request));
    statement.timeout = this.#timeline.after(STATEMENT_TIMEOUT_MS, () => this.#undo(statement));
    switch (request.call) {
      case 'append':
        return this.#beginAppend(statement, request);
      case 'claim':
        return this.#lock(statement, request.claims.map(({ channel }) => channel).toSorted());
      case 'deleteRoom':
        return this.#lock(statement, [`room:${request.room}`]);
      case 'emptyRoom':
        return this.#commitLater(statement, () => {
          const reply = this.#carryOut(request);
          if (reply.ok && reply.value === true) this.#checker.emptied(request.room);
          return reply;
        });
      case 'revoke': {
        // Its moment is that of its begin: what is looked up until its commit does not see it, and is not before it.
        const { call: _, ...revocation } = request;
        const begunAt = this.#timeline.now;
        return this.#commitLater(statement, () => ({
          ok: true,
          value: this.#memory.revokedSince(this.#timeline.now - begunAt, revocation),
        }));
      }
      default:
        return this.#commitLater(statement, () => this.#carryOut(request));
    }
  }

  /** What a standby has that heard everything until now. */
  copy(): Standby {
    return { data: this.#memory.snapshot(), book: this.#checker.copy() };
  }

  /**
   * The server is gone, with its connections, and a standby goes on from what it had. `isTold`: whoever waits hears of
   * the end of his connection; else he hears nothing.
   */
  failOver({ data, book }: Standby, isTold: boolean): void {
    this.server++;
    this.#trace.say('database', () => `! server ${this.server} takes over`);
    const ended = [...this.#open];
    this.#open.clear();
    this.#waiting = [];
    this.#locked.clear();
    this.#memory.restore(data);
    this.#checker.failOver(book);
    for (const { timeout, done } of ended) {
      this.#timeline.cancel(timeout);
      if (isTold) done(BROKEN);
    }
  }

  #answerLater(statement: Statement, reply: StoreReply): void {
    const { workMs, done, number } = statement;
    if (!Number.isFinite(workMs)) return;
    this.#timeline.after(workMs, () => {
      if (!this.#open.delete(statement)) return;
      this.#trace.say('database', () => `$ ${number} is answered`);
      done(reply);
    });
  }

  #carryOut(request: StoreRequest): StoreReply {
    const { call, ...rest } = request;
    let made: StoreReply | undefined;
    this.#memory.call(call, rest, 0, (reply) => (made = reply as StoreReply));
    return made as StoreReply;
  }

  // --- appends: what is locked by others is passed over

  #beginAppend(statement: Statement, request: StoreRequest & { call: 'append' }): void {
    const { owner, groups } = request;
    const standings = groups.map((group) => {
      const row = this.#memory.row(group.channel);
      const isCurrent = row?.owner === owner && row.epoch === group.epoch;
      if (this.#locked.has(group.channel)) return isCurrent ? 'busy' : 'fenced';
      return row?.owner === owner ? 'own' : 'fenced';
    });
    const own = groups.filter((_, at) => standings[at] === 'own');
    statement.locks = own.map(({ channel }) => channel);
    for (const channel of statement.locks) this.#locked.set(channel, statement);
    this.#commitLater(statement, () => {
      const reply = this.#carryOut({ call: 'append', owner, groups: own });
      if (!reply.ok) return reply;
      const outcomes = [...(reply.value as StoreCalls['append']['reply'])];
      const value = groups.map(({ entries }, at): readonly EntryOutcome[] => {
        const standing = standings[at];
        return standing === 'own'
          ? (outcomes.shift() ?? [])
          : entries.map(() => ({ type: standing as 'busy' | 'fenced' }));
      });
      this.#checker.appended(owner, groups, value);
      return { ok: true, value };
    });
  }

  // --- claims and deletions: they wait

  #lock(statement: Statement, channels: readonly Channel[]): void {
    statement.locks = channels;
    this.#waiting.push(statement);
    this.#grantLocks();
  }

  #grantLocks(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    // A row that somebody waits for in front is not taken by who comes later.
    const wanted = new Set<Channel>();
    for (const statement of waiting) {
      const isFree = statement.locks.every((channel) => !this.#locked.has(channel) && !wanted.has(channel));
      if (isFree) this.#locks(statement);
      else {
        this.#waiting.push(statement);
        for (const channel of statement.locks) wanted.add(channel);
      }
    }
  }

  #locks(statement: Statement): void {
    const { request } = statement;
    for (const channel of statement.locks) this.#locked.set(channel, statement);
    this.#commitLater(statement, () => {
      const before = new Map(statement.locks.map((channel) => [channel, this.#memory.row(channel)]));
      const reply = this.#carryOut(request);
      if (reply.ok && request.call === 'claim') {
        this.#checker.claimed(request, reply.value as StoreCalls['claim']['reply'], before);
      }
      if (reply.ok && request.call === 'deleteRoom') {
        this.#checker.deleted(request, reply.value as StoreCalls['deleteRoom']['reply']);
      }
      return reply;
    });
  }

  // --- ends

  #commitLater(statement: Statement, commit: () => StoreReply): void {
    if (!Number.isFinite(statement.workMs)) return;
    this.#timeline.after(statement.workMs, () => {
      // It was undone meanwhile.
      if (!statement.timeout?.run) return;
      this.#timeline.cancel(statement.timeout);
      this.#open.delete(statement);
      const reply = commit();
      this.#trace.say('database', () => `$ ${statement.number} commits${outcome(reply)}`);
      this.#release(statement);
      statement.done(reply);
    });
  }

  #undo(statement: Statement): void {
    this.#open.delete(statement);
    this.#trace.say('database', () => `$ ${statement.number} is undone`);
    this.#waiting = this.#waiting.filter((other) => other !== statement);
    this.#release(statement);
    statement.done(UNDONE);
  }

  #release(statement: Statement): void {
    for (const channel of statement.locks)
      if (this.#locked.get(channel) === statement) this.#locked.delete(channel);
    this.#grantLocks();
  }
}
