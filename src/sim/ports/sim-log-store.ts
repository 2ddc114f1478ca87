import { databaseOf, logName } from '../../protocol/log-name.ts';
import type {
  LogStore,
  StoreCallName,
  StoreCalls,
  StoreReply,
  StoreRequest,
} from '../../runtime/ports/log-store.ts';
import { BROKEN, READS, type SimDatabase } from './database.ts';
import type { DatabaseFault } from '../kit/faults.ts';
import type { Random } from '../kit/random.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Trace } from '../kit/trace.ts';

/** Milliseconds: one way over the wire; a reading statement; a writing statement until its commit. */
const WIRE_MS = [0.05, 0.6] as const;
const READ_MS = [0.1, 1.5] as const;
const WRITE_MS = [0.3, 4] as const;

const SLOW_MS = [200, 2_400] as const;
/** How late a statement of a dead client may arrive, and how long it may run then. */
const LATE_ARRIVAL_MS = [0, 8_000] as const;
const LATE_WORK_MS = [0, 2_400] as const;

/** The connection of one process to the database. It ends with the process, but its statements continue. */
export class SimLogStore implements LogStore {
  readonly #database: SimDatabase;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #faultOf: (call: StoreCallName) => DatabaseFault | undefined;
  readonly #enter: (run: () => void) => void;
  #isOpen = true;
  /** When the process read that its lease is lost. */
  lostAt = Infinity;
  /** The log's name as the database last reported it. */
  #log: string;

  constructor(parts: {
    readonly database: SimDatabase;
    readonly timeline: Timeline;
    readonly random: Random;
    readonly trace: Trace;
    /** The fault that hits a call, if any. */
    readonly faultOf: (call: StoreCallName) => DatabaseFault | undefined;
    /** Runs a function in the process. */
    readonly enter: (run: () => void) => void;
  }) {
    this.#database = parts.database;
    this.#timeline = parts.timeline;
    this.#random = parts.random;
    this.#trace = parts.trace;
    this.#faultOf = parts.faultOf;
    this.#enter = parts.enter;
    this.#log = parts.database.log;
  }

  get log(): string {
    return this.#log;
  }

  #renewed({ timeline, isHeld }: StoreCalls['renew']['reply']): void {
    if (!isHeld) this.lostAt = Math.min(this.lostAt, this.#timeline.now);
    this.#log = logName(databaseOf(this.#log), timeline);
  }

  /** The process is gone. Some of its statements on the wire arrive, others do not. */
  close(): void {
    this.#isOpen = false;
  }

  call<Name extends StoreCallName>(
    name: Name,
    request: StoreCalls[Name]['request'],
    deadlineMs: number,
    done: (reply: StoreReply<Name>) => void,
  ): void {
    const fault = this.#faultOf(name);
    if (fault) this.#trace.say('database', () => `! ${name}: ${fault}`);
    const call = new Call(this.#timeline, deadlineMs, (reply) => {
      this.#enter(() => {
        if (name === 'renew' && reply.ok) this.#renewed(reply.value as StoreCalls['renew']['reply']);
        done(reply);
      });
    });
    if (fault === 'db-pool') return;
    if (fault === 'db-down')
      return call.endAfter(1, { ok: false, failure: 'failed', message: 'connection refused' });
    if (fault === 'db-full' && !READS.has(name))
      return call.endAfter(1, { ok: false, failure: 'failed', message: 'No space left on device' });
    call.isSent = true;
    if (fault === 'db-hang') return;
    this.#send({ call: name, ...request } as unknown as StoreRequest, fault, call);
  }

  #send(request: StoreRequest, fault: DatabaseFault | undefined, call: Call): void {
    const random = this.#random;
    const isRead = READS.has(request.call);
    const backMs = random.delay(...WIRE_MS);
    let arrivesMs = random.delay(...WIRE_MS);
    let workMs = isRead ? random.delay(...READ_MS) : random.delay(...WRITE_MS);
    const answer = (reply: StoreReply): void => call.endAfter(backMs, reply);
    let reply = answer;
    switch (fault) {
      case 'db-slow':
        workMs = random.delay(...SLOW_MS);
        break;
      case 'db-timeout-before':
        workMs = Infinity;
        break;
      case 'db-timeout-after':
        reply = () => {};
        break;
      case 'db-late-commit': {
        reply = () => {};
        if (random.chance(0.5)) arrivesMs = random.delay(...LATE_ARRIVAL_MS);
        workMs = random.delay(...LATE_WORK_MS);
        call.endAfter(random.delay(0.1, 20), BROKEN);
        break;
      }
      default:
        break;
    }
    const isLost = random.chance(0.3);
    const { server } = this.#database;
    this.#timeline.after(arrivesMs, () => {
      if (!this.#isOpen && isLost) return;
      // The server that it was sent to is gone.
      if (this.#database.server !== server) return reply(BROKEN);
      this.#database.begin(request, workMs, reply);
    });
  }
}

/** One call. It ends once, with its answer or at its deadline. */
class Call {
  isSent = false;
  readonly #timeline: Timeline;
  readonly #done: (reply: StoreReply) => void;
  #isOver = false;

  constructor(timeline: Timeline, deadlineMs: number, done: (reply: StoreReply) => void) {
    this.#timeline = timeline;
    this.#done = done;
    timeline.after(deadlineMs, () =>
      this.#end({
        ok: false,
        failure: this.isSent ? 'unknown' : 'failed',
        message: `no answer within ${deadlineMs} ms`,
      }),
    );
  }

  endAfter(ms: number, reply: StoreReply): void {
    this.#timeline.after(ms, () => this.#end(reply));
  }

  #end(reply: StoreReply): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#done(reply);
  }
}
