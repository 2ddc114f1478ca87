import type { Channel } from '../../protocol/channels.ts';
import type {
  Claimed,
  EntryOutcome,
  StoreCallName,
  StoreCalls,
  StoreReply,
  StoreRequest,
} from '../../runtime/ports/log-store.ts';
import type { MemoryLogStore } from '../../store/memory/memory-log-store.ts';
import type { Snapshot } from '../../store/memory/snapshot.ts';
import type { Book, LogChecker } from '../checkers/log-checker.ts';
import { detail, outcome } from './statement-text.ts';
import type { Scheduled, Timeline } from '../kit/timeline.ts';
import type { Trace } from '../kit/trace.ts';

/** The server cancels a statement after this time, before any caller gives up (D8). */
const STATEMENT_TIMEOUT_MS = 2_500;

/** A statement at the server. */
interface Statement {
  readonly number: number;
  readonly request: StoreRequest;
  /** The time from its locks to its commit; infinite when a fault delays it. */
  readonly workMs: number;
  readonly done: (reply: StoreReply) => void;
  /** Rows that it waits for, or holds. */
  locks: readonly Channel[];
  /** Cancels the statement, unless it finishes earlier. */
  timeout: Scheduled | undefined;
}

/** A claim waits for a held row for so long. */
const LOCK_TIMEOUT_MS = 1_000;

const UNDONE: StoreReply = {
  ok: false,
  failure: 'failed',
  message: 'canceling statement due to statement timeout',
};

/** The reply to a statement whose connection has ended. */
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

/** Statements that see what is committed at their start, and change nothing. */
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
  'revokedAfter',
  'moved',
  'ping',
]);

/**
 * PostgreSQL as the log sees it: statements that begin, lock rows, and commit later or not at all. `MemoryLogStore` gives
 * them their meaning, and the contract suite compares it with the real database.
 *
 * - An append skips locked rows, and so does a claim that says so. Any other waits for them, first come, first served.
 * - No other statement sees anything of a statement before its commit. From then on they see all of it.
 */
export class SimDatabase {
  readonly #memory: MemoryLogStore;
  readonly #timeline: Timeline;
  readonly #checker: LogChecker;
  readonly #trace: Trace;
  readonly #locked = new Map<Channel, Statement>();
  #waiting: Statement[] = [];
  /** Unanswered statements. All of them end with the server. */
  readonly #open = new Set<Statement>();
  #last = 0;
  /** The number of the current server, from 1. Each connection leads to one of them. */
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

  /** A statement arrives. `done` runs when it is committed or rolled back. */
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
        if (request.skipsHeld) return this.#claimFree(statement, request);
        this.#timeline.after(LOCK_TIMEOUT_MS, () => {
          if (this.#waiting.includes(statement)) this.#undo(statement);
        });
        return this.#lock(statement, request.claims.map(({ channel }) => channel).toSorted());
      case 'deleteRoom':
        return this.#lock(statement, [`room:${request.room}`]);
      case 'createRoom':
      case 'setMember':
      case 'ban':
      case 'unban':
        // The row that fences it is locked.
        return this.#lock(statement, [`room:${request.room}`]);
      case 'emptyRoom':
        return this.#commitLater(statement, () => {
          const reply = this.#carryOut(request);
          if (reply.ok && reply.value === true) this.#checker.emptied(request.room);
          return reply;
        });
      case 'revoke': {
        // A revocation counts from its start. Statements before its commit do not see it, although they are later.
        const { call: _, ...revocation } = request;
        const begunAt = this.#timeline.now;
        return this.#commitLater(statement, () => ({
          ok: true,
          value: this.#memory.revokedSince(this.#timeline.now - begunAt, revocation),
        }));
      }
      default:
        return this.#commitLater(statement, () => {
          const reply = this.#carryOut(request);
          this.#checker.cluster.committed(request, reply);
          return reply;
        });
    }
  }

  /** The state of a standby without lag. */
  copy(): Standby {
    return { data: this.#memory.snapshot(), book: this.#checker.copy() };
  }

  /**
   * The server is gone with its connections, and a standby continues from its copy. With `isTold` the callers learn that
   * their connections ended; without it they learn nothing.
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

  // --- appends: they skip locked rows

  #beginAppend(statement: Statement, request: StoreRequest & { call: 'append' }): void {
    const { owner, appends } = request;
    const standings = appends.map(({ channel, epoch }): 'own' | 'busy' | 'fenced' => {
      const row = this.#memory.row(channel);
      const isCurrent = row?.owner === owner && row.epoch === epoch;
      if (this.#locked.has(channel)) return isCurrent ? 'busy' : 'fenced';
      return row?.owner === owner ? 'own' : 'fenced';
    });
    const own = appends.filter((_, at) => standings[at] === 'own');
    statement.locks = [...new Set(own.map(({ channel }) => channel))];
    for (const channel of statement.locks) this.#locked.set(channel, statement);
    this.#commitLater(statement, () => {
      const reply = this.#carryOut({ call: 'append', owner, appends: own });
      if (!reply.ok) return reply;
      const outcomes = [...(reply.value as StoreCalls['append']['reply'])];
      const value = standings.map((type) => (type === 'own' ? (outcomes.shift() as EntryOutcome) : { type }));
      this.#checker.appended(owner, appends, value);
      return { ok: true, value };
    });
  }

  // --- claims and deletions

  /** A claim that skips rows that are held: these channels are busy. */
  #claimFree(statement: Statement, request: StoreRequest & { call: 'claim' }): void {
    const isFree = ({ channel }: { channel: Channel }): boolean => !this.#locked.has(channel);
    const claims = request.claims.filter(isFree);
    const busy = request.claims.filter((claim) => !isFree(claim)).map(({ channel }) => channel);
    statement.locks = claims.map(({ channel }) => channel);
    this.#locks(statement, { ...request, claims }, busy);
  }

  #lock(statement: Statement, channels: readonly Channel[]): void {
    statement.locks = channels;
    this.#waiting.push(statement);
    this.#grantLocks();
  }

  #grantLocks(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    // A row that an earlier statement waits for is not free for a later one.
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

  #locks(statement: Statement, request = statement.request, busy: readonly Channel[] = []): void {
    for (const channel of statement.locks) this.#locked.set(channel, statement);
    this.#commitLater(statement, () => {
      const before = new Map(statement.locks.map((channel) => [channel, this.#memory.row(channel)]));
      const reply = this.#carryOut(request);
      if (reply.ok && request.call === 'claim') {
        const granted = reply.value as Map<Channel, Claimed | 'busy' | null>;
        for (const channel of busy) granted.set(channel, 'busy');
        this.#checker.claimed(request, granted, before);
        this.#checker.cluster.claimed(request, granted);
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
      // It was cancelled meanwhile.
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
