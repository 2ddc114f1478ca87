import type { Channel } from '../../protocol/channels.ts';
import type { EntryOutcome } from '../../runtime/ports/log-store.ts';
import type { Append, AppendResult } from '../messages/log.ts';

/** Bounds of one statement (D8), and of what may wait for one. Sizes are UTF-16 lengths plus a flat part an entry. */
export interface CommitLimits {
  readonly channelEntries: number;
  readonly channelSize: number;
  readonly statementEntries: number;
  readonly statementSize: number;
  readonly waitingEntries: number;
  readonly waitingSize: number;
}

const COMMIT_LIMITS: CommitLimits = {
  channelEntries: 64,
  channelSize: 256 * 1024,
  statementEntries: 512,
  statementSize: 1024 * 1024,
  // Three seconds of the fastest store measured (30,000 rows a second): later would miss every deadline.
  waitingEntries: 100_000,
  waitingSize: 64 * 1024 * 1024,
};

/** The size of an entry beside its texts: id, sender, numbers. */
const ENTRY_OVERHEAD = 128;

interface Queue {
  readonly channel: Channel;
  /** Epochs never fall along it. A claim may be granted while entries of an earlier epoch are still here. */
  readonly items: Append[];
  isInFlight: boolean;
  /** The newest entry stored from here, and its epoch. The home may not have heard of it yet. */
  stored: { readonly epoch: number; readonly seq: number };
}

/** The results of the appends of one channel. */
export interface Settled {
  readonly channel: Channel;
  readonly results: readonly AppendResult[];
}

/**
 * The appends that wait, by channel, and how they become statements (D8).
 *
 * - The entries of a channel go out in the order they came, in one statement at a time.
 * - After anything but success a channel is blocked: no later entry of that epoch is tried, since it must not be stored
 *   before one whose outcome is open (DG7). A higher epoch ends that.
 * - Appends that come while a statement of their channel is in flight wait for that, whatever happens meanwhile.
 */
export class GroupCommit {
  readonly #limits: CommitLimits;
  readonly #queues = new Map<Channel, Queue>();
  /** Channels with entries and no statement in flight, first come first. */
  #ready: Queue[] = [];
  readonly #blocked = new Map<Channel, number>();
  /** After a loss: the epochs granted since. An append under another one comes behind something lost. */
  readonly #granted: Map<Channel, number> | undefined;
  #entries = 0;
  #size = 0;

  /** `hasForgotten`: an earlier generation of the log has lost entries, and those behind them may come here. */
  constructor(limits: CommitLimits = COMMIT_LIMITS, hasForgotten = false) {
    this.#limits = limits;
    this.#granted = hasForgotten ? new Map() : undefined;
  }

  get waiting(): number {
    return this.#entries;
  }

  /** The result when it is known at once, or undefined when it waits for a statement. */
  add(append: Append): AppendResult | undefined {
    const { channel, epoch } = append;
    const isBehindLost = this.#granted !== undefined && this.#granted.get(channel) !== epoch;
    if (isBehindLost || epoch <= (this.#blocked.get(channel) ?? 0))
      return resultOf(append, { type: 'failed' });
    const isFull =
      this.#entries >= this.#limits.waitingEntries || this.#size + sizeOf(append) > this.#limits.waitingSize;
    if (isFull) return resultOf(append, { type: 'shed' });
    this.#blocked.delete(channel);
    let queue = this.#queues.get(channel);
    if (!queue) {
      queue = { channel, items: [], isInFlight: false, stored: { epoch: 0, seq: 0 } };
      this.#queues.set(channel, queue);
    }
    if (queue.items.length === 0 && !queue.isInFlight) this.#ready.push(queue);
    queue.items.push(append);
    this.#waits([append], 1);
    return undefined;
  }

  /**
   * A claim was granted, or a deletion: appends from this epoch on may be tried. All that wait came before, under epochs that
   * are over or that the database has lost (D21): their home submits them again, or has answered for them. The database
   * refuses them as well, unless it fails over and loses the new epoch.
   */
  unblock(channel: Channel, epoch: number): void {
    this.#granted?.set(channel, epoch);
    this.#blocked.delete(channel);
    const queue = this.#queues.get(channel);
    if (!queue) return;
    if (queue.stored.epoch >= epoch) queue.stored = { epoch: 0, seq: 0 };
    this.#waits(queue.items.splice(0), -1);
    this.#ready = this.#ready.filter((ready) => ready !== queue);
    if (!queue.isInFlight) this.#queues.delete(channel);
  }

  /** The appends of the next statement, those of a channel one behind the other; empty when nothing can go. */
  compose(): readonly Append[] {
    const { statementEntries, statementSize } = this.#limits;
    const appends: Append[] = [];
    let size = 0;
    const later: Queue[] = [];
    let at = 0;
    for (; at < this.#ready.length && appends.length < statementEntries; at++) {
      const queue = this.#ready[at] as Queue;
      const left = { entries: statementEntries - appends.length, size: statementSize - size };
      const taken = this.#take(queue, left, appends.length === 0);
      if (taken.length === 0) {
        later.push(queue);
        continue;
      }
      queue.isInFlight = true;
      appends.push(...withOneHead(taken, queue.stored));
      for (const append of taken) size += sizeOf(append);
    }
    this.#ready = [...later, ...this.#ready.slice(at)];
    return appends;
  }

  #take(queue: Queue, left: { entries: number; size: number }, isFirst: boolean): Append[] {
    const entriesMax = Math.min(this.#limits.channelEntries, left.entries);
    const sizeMax = Math.min(this.#limits.channelSize, left.size);
    const epoch = queue.items[0]?.epoch;
    let count = 0;
    let size = 0;
    while (count < entriesMax && queue.items[count]?.epoch === epoch && count < queue.items.length) {
      size += sizeOf(queue.items[count] as Append);
      // One entry always goes, however large, or it would wait for ever.
      if (size > sizeMax && !(isFirst && count === 0)) break;
      count++;
    }
    const taken = queue.items.splice(0, count);
    this.#waits(taken, -1);
    return taken;
  }

  /** Takes the outcomes of a statement; `busy` channels wait again, in front. */
  settle(appends: readonly Append[], outcomes: readonly EntryOutcome[]): Settled[] {
    const settled: Settled[] = [];
    for (let from = 0, to = 0; from < appends.length; from = to) {
      const { channel } = appends[from] as Append;
      while (appends[to]?.channel === channel) to++;
      const results = this.#settleChannel(channel, appends.slice(from, to), outcomes.slice(from, to));
      if (results.length > 0) settled.push({ channel, results });
    }
    return settled;
  }

  #settleChannel(
    channel: Channel,
    appends: readonly Append[],
    outcomes: readonly EntryOutcome[],
  ): AppendResult[] {
    const queue = this.#queues.get(channel) as Queue;
    queue.isInFlight = false;
    const results: AppendResult[] = [];
    for (const [at, append] of appends.entries()) {
      const outcome = outcomes[at] ?? { type: 'unknown' };
      if (outcome.type === 'busy') {
        this.#requeue(queue, appends.slice(at));
        return results;
      }
      if (isOpen(outcome)) {
        for (const [next, open] of appends.slice(at).entries())
          results.push(resultOf(open, outcomes[at + next] ?? { type: 'unknown' }));
        results.push(...this.#block(queue, append.epoch));
        return results;
      }
      if (outcome.type === 'stored') queue.stored = { epoch: append.epoch, seq: outcome.seq };
      results.push(resultOf(append, outcome));
    }
    if (queue.items.length > 0) this.#ready.push(queue);
    else this.#queues.delete(channel);
    return results;
  }

  #requeue(queue: Queue, appends: readonly Append[]): void {
    queue.items.unshift(...appends);
    this.#waits(appends, 1);
    this.#ready.push(queue);
  }

  /** Gives back the appends that wait behind a failure, untried: all of that epoch and of earlier ones. */
  #block(queue: Queue, epoch: number): AppendResult[] {
    const next = queue.items.findIndex((append) => append.epoch > epoch);
    const back = queue.items.splice(0, next < 0 ? queue.items.length : next);
    this.#ready = this.#ready.filter((other) => other !== queue);
    if (queue.items.length > 0) this.#ready.push(queue);
    else {
      this.#queues.delete(queue.channel);
      this.#blocked.set(queue.channel, epoch);
    }
    this.#waits(back, -1);
    return back.map((append) => resultOf(append, { type: 'failed' }));
  }

  /** Gives back everything that waits and is not in flight: the breaker is open. */
  refuseAll(): Settled[] {
    return this.#ready.map((queue) => {
      const newest = queue.items[queue.items.length - 1]?.epoch ?? 0;
      return { channel: queue.channel, results: this.#block(queue, newest) };
    });
  }

  /** Counts appends that begin to wait (`by` 1), or that wait no longer (-1). */
  #waits(appends: readonly Append[], by: 1 | -1): void {
    this.#entries += by * appends.length;
    for (const append of appends) this.#size += by * sizeOf(append);
  }
}

function sizeOf({ entry }: Append): number {
  return ENTRY_OVERHEAD + entry.content.length + (entry.data?.length ?? 0);
}

/** A channel's appends with the newest head that any of them, or the log itself, knows under their epoch. */
function withOneHead(appends: readonly Append[], stored: Queue['stored']): readonly Append[] {
  const known = stored.epoch === appends[0]?.epoch ? stored.seq : 0;
  const head = Math.max(known, ...appends.map((append) => append.head));
  return appends.map((append) => (append.head === head ? append : { ...append, head }));
}

function resultOf({ serial, epoch }: Append, outcome: AppendResult['outcome']): AppendResult {
  return { serial, epoch, outcome };
}

/** No later entry may be tried before this is settled. */
function isOpen({ type }: EntryOutcome): boolean {
  return type === 'fenced' || type === 'rewound' || type === 'failed' || type === 'unknown';
}
