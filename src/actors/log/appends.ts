import { roomChannel } from '../../protocol/channels.ts';
import type {
  Claimed,
  EntryOutcome,
  StoreCalls,
  StoreReply,
  StoreRequest,
} from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { homeAddress } from '../messages/home.ts';
import type { Append } from '../messages/log.ts';
import type { Effects } from '../kit/effects.ts';
import type { GroupCommit, Settled } from './group-commit.ts';
import type { StoreCall, StoreQueue } from './store-queue.ts';

/** A lock that was passed over (`busy`) is looked at again after this. */
const BUSY_PAUSE_MS = 10;

/** Appends on their way into statements, and their outcomes on their way to the homes (D8). */
export class Appends implements StoreQueue {
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

  add(append: Append, out: Effects): void {
    const result = this.#commits.add(append);
    if (result) out.tell(homeAddress(append.channel), { type: 'appended', results: [result] });
  }

  claimed(...claim: Parameters<GroupCommit['unblock']>): void {
    this.#commits.unblock(...claim);
  }

  /** The deletion of a room raises its epoch, as a claim does. */
  heard(request: StoreRequest, reply: StoreReply): void {
    if (request.call !== 'deleteRoom' || !reply.ok || reply.value === null) return;
    this.#commits.unblock(roomChannel(request.room), (reply.value as Claimed).epoch);
  }

  next(): StoreCall | undefined {
    const appends = this.#isPausing ? [] : this.#commits.compose();
    if (appends.length === 0) return undefined;
    const request = { call: 'append', owner: this.#incarnation, appends } as const;
    return { request, settle: (reply, out) => this.#settle(appends, reply, out) };
  }

  #settle(appends: readonly Append[], reply: StoreReply, out: Effects): void {
    const outcomes = reply.ok
      ? (reply.value as StoreCalls['append']['reply'])
      : appends.map((): EntryOutcome => ({ type: reply.failure }));
    const isBusy = outcomes.some((outcome) => outcome.type === 'busy');
    if (isBusy && !this.#isPausing) {
      this.#isPausing = true;
      out.arm('busy', BUSY_PAUSE_MS);
    }
    tellHomes(this.#commits.settle(appends, outcomes), out);
    out.check('queue_size', this.#commits.waiting >= 0);
  }

  /** The pause for the holders of locks is over. */
  goOn(): void {
    this.#isPausing = false;
  }

  refuseAll(out: Effects): void {
    tellHomes(this.#commits.refuseAll(), out);
  }
}

function tellHomes(settled: readonly Settled[], out: Effects): void {
  for (const { channel, results } of settled) {
    if (results.length > 0) out.tell(homeAddress(channel), { type: 'appended', results });
  }
}
