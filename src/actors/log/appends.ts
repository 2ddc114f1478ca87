import type { EntryOutcome, StoreCalls, StoreReply } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { homeAddress, type Append } from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { GroupCommit, Settled, Statement } from './group-commit.ts';
import type { Job, Line } from './line.ts';

/** A lock that was passed over (`busy`) is looked at again after this. */
const BUSY_PAUSE_MS = 10;

/** Appends on their way into statements, and their outcomes on their way to the homes (D8). */
export class Appends implements Line {
  readonly inFlightMax: number;
  readonly isWrite = true;
  readonly #incarnation: Incarnation;
  readonly #commits: GroupCommit;
  #isPausing = false;

  constructor(incarnation: Incarnation, inFlightMax: number, commits: GroupCommit) {
    this.#incarnation = incarnation;
    this.inFlightMax = inFlightMax;
    this.#commits = commits;
  }

  get waiting(): number {
    return this.#commits.waiting;
  }

  add(append: Append, out: Outbox): void {
    const result = this.#commits.add(append);
    if (result) out.tell(homeAddress(append.channel), { type: 'appended', results: [result] });
  }

  claimed(...claim: Parameters<GroupCommit['unblock']>): void {
    this.#commits.unblock(...claim);
  }

  next(): Job | undefined {
    const statement = this.#isPausing ? undefined : this.#commits.compose();
    if (!statement) return undefined;
    const request = { call: 'append', owner: this.#incarnation, groups: statement.groups } as const;
    return { request, settle: (reply, out) => this.#settle(statement, reply, out) };
  }

  #settle(statement: Statement, reply: StoreReply, out: Outbox): void {
    const outcomes = reply.ok
      ? (reply.value as StoreCalls['append']['reply'])
      : statement.groups.map((group) => group.entries.map((): EntryOutcome => ({ type: reply.failure })));
    const isBusy = outcomes.some((group) => group.some((outcome) => outcome.type === 'busy'));
    if (isBusy && !this.#isPausing) {
      this.#isPausing = true;
      out.arm('busy', BUSY_PAUSE_MS);
    }
    tellHomes(this.#commits.settle(statement, outcomes), out);
    out.check('queue_size', this.#commits.waiting >= 0);
  }

  /** The pause for those who hold locks is over. */
  goOn(): void {
    this.#isPausing = false;
  }

  refuseAll(out: Outbox): void {
    tellHomes(this.#commits.refuseAll(), out);
  }
}

function tellHomes(settled: readonly Settled[], out: Outbox): void {
  for (const { channel, results } of settled) {
    if (results.length > 0) out.tell(homeAddress(channel), { type: 'appended', results });
  }
}
