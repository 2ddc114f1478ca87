import type { Channel } from '../../protocol/channels.ts';
import type { AppendGroup, EntryOutcome, NewEntry } from '../../runtime/ports/log-store.ts';
import type { Append, AppendResult } from '../messages.ts';

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

/** What an entry weighs beside its texts: id, sender, numbers. */
const ENTRY_OVERHEAD = 128;

interface Item {
  readonly serial: number;
  readonly epoch: number;
  /** How far its home knew the log to go. */
  readonly head: number;
  readonly entry: NewEntry;
  readonly size: number;
}

interface Queue {
  readonly channel: Channel;
  foundsRoom: boolean;
  /** Epochs never fall along it: a claim may be granted while entries of the reign before are still here. */
  readonly items: Item[];
  isInFlight: boolean;
  /** What was stored last from here, and under which epoch: its home may not have heard of it yet. */
  stored: { readonly epoch: number; readonly seq: number };
}

/** A statement's worth of appends. */
export interface Statement {
  readonly groups: readonly AppendGroup[];
  readonly items: readonly (readonly Item[])[];
}

/** What became of the appends of one channel. */
export interface Settled {
  readonly channel: Channel;
  readonly results: readonly AppendResult[];
}

/**
 * What waits to be appended, by channel, and how it becomes statements (D8).
 *
 * - The entries of a channel go out in the order they came, in one statement at a time.
 * - After anything but success a channel is blocked: nothing more of that epoch is tried, since an entry
 *   that came later must not be stored before one whose outcome is open (DG7). A higher epoch lifts it.
 * - What comes while a statement of its channel is in flight waits for that, whatever happens meanwhile.
 */
export class GroupCommit {
  readonly #limits: CommitLimits;
  readonly #queues = new Map<Channel, Queue>();
  /** Channels with entries and no statement in flight, first come first. */
  #ready: Queue[] = [];
  readonly #blocked = new Map<Channel, number>();
  /** After a loss: the epochs that were granted since. What comes under another one is behind something lost. */
  readonly #granted: Map<Channel, number> | undefined;
  #entries = 0;
  #size = 0;

  /** `hasForgotten`: an earlier life of the log has lost entries that it was given, and those behind them may come here. */
  constructor(limits: CommitLimits = COMMIT_LIMITS, hasForgotten = false) {
    this.#limits = limits;
    this.#granted = hasForgotten ? new Map() : undefined;
  }

  get waiting(): number {
    return this.#entries;
  }

  /** The result when it is known at once, or undefined when it waits for a statement. */
  add({ channel, epoch, head, foundsRoom, serial, entry }: Append): AppendResult | undefined {
    const isBehindLost = this.#granted !== undefined && this.#granted.get(channel) !== epoch;
    if (isBehindLost || epoch <= (this.#blocked.get(channel) ?? 0))
      return { serial, epoch, outcome: { type: 'failed' } };
    const size = ENTRY_OVERHEAD + entry.content.length + (entry.data?.length ?? 0);
    if (this.#entries >= this.#limits.waitingEntries || this.#size + size > this.#limits.waitingSize) {
      return { serial, epoch, outcome: { type: 'shed' } };
    }
    this.#blocked.delete(channel);
    let queue = this.#queues.get(channel);
    if (!queue) {
      queue = { channel, foundsRoom, items: [], isInFlight: false, stored: { epoch: 0, seq: 0 } };
      this.#queues.set(channel, queue);
    }
    if (queue.items.length === 0 && !queue.isInFlight) this.#ready.push(queue);
    queue.items.push({ serial, epoch, head, entry, size });
    this.#entries++;
    this.#size += size;
    return undefined;
  }

  /**
   * A claim was granted: what is appended from this epoch on may be tried. What came under that number before is of a reign
   * that the database has lost (D21), and its home has answered for it.
   */
  unblock(channel: Channel, epoch: number): void {
    this.#granted?.set(channel, epoch);
    this.#blocked.delete(channel);
    const queue = this.#queues.get(channel);
    if (!queue) return;
    if (queue.stored.epoch >= epoch) queue.stored = { epoch: 0, seq: 0 };
    const from = queue.items.findIndex((item) => item.epoch >= epoch);
    if (from < 0) return;
    for (const { size } of queue.items.splice(from)) {
      this.#entries--;
      this.#size -= size;
    }
    if (from === 0) this.#ready = this.#ready.filter((ready) => ready !== queue);
  }

  /** The next statement; undefined when nothing can go. */
  compose(): Statement | undefined {
    const groups: AppendGroup[] = [];
    const items: Item[][] = [];
    let entries = 0;
    let size = 0;
    const later: Queue[] = [];
    let at = 0;
    for (; at < this.#ready.length && entries < this.#limits.statementEntries; at++) {
      const queue = this.#ready[at] as Queue;
      const left = {
        entries: this.#limits.statementEntries - entries,
        size: this.#limits.statementSize - size,
      };
      const taken = this.#take(queue, left, entries === 0);
      if (taken.length === 0) {
        later.push(queue);
        continue;
      }
      queue.isInFlight = true;
      const { channel, foundsRoom, stored } = queue;
      const { epoch } = taken[0] as Item;
      const heads = taken.map((item) => item.head);
      const head = Math.max(stored.epoch === epoch ? stored.seq : 0, ...heads);
      groups.push({ channel, epoch, head, foundsRoom, entries: taken.map((item) => item.entry) });
      items.push(taken);
      entries += taken.length;
      for (const item of taken) size += item.size;
    }
    this.#ready = [...later, ...this.#ready.slice(at)];
    return groups.length > 0 ? { groups, items } : undefined;
  }

  #take(queue: Queue, left: { entries: number; size: number }, isFirst: boolean): Item[] {
    const entriesMax = Math.min(this.#limits.channelEntries, left.entries);
    const sizeMax = Math.min(this.#limits.channelSize, left.size);
    const epoch = queue.items[0]?.epoch;
    let count = 0;
    let size = 0;
    while (count < entriesMax && queue.items[count]?.epoch === epoch && count < queue.items.length) {
      size += (queue.items[count] as Item).size;
      // One entry always goes, however large, or it would wait for ever.
      if (size > sizeMax && !(isFirst && count === 0)) break;
      count++;
    }
    const taken = queue.items.splice(0, count);
    for (const item of taken) this.#size -= item.size;
    this.#entries -= taken.length;
    return taken;
  }

  /** Takes the outcomes of a statement; `busy` channels wait again, in front. */
  settle(statement: Statement, outcomes: readonly (readonly EntryOutcome[])[]): Settled[] {
    return statement.groups.flatMap((group, at) => {
      const queue = this.#queues.get(group.channel) as Queue;
      queue.isInFlight = false;
      const settled = this.#settleGroup(queue, statement.items[at] ?? [], outcomes[at] ?? []);
      return settled.results.length > 0 ? [settled] : [];
    });
  }

  #settleGroup(queue: Queue, items: readonly Item[], outcomes: readonly EntryOutcome[]): Settled {
    const results: AppendResult[] = [];
    for (const [at, item] of items.entries()) {
      const outcome: EntryOutcome = outcomes[at] ?? { type: 'unknown' };
      if (outcome.type === 'busy') {
        this.#requeue(queue, items.slice(at));
        return { channel: queue.channel, results };
      }
      if (isOpen(outcome)) {
        for (const [next, open] of items.slice(at).entries()) {
          const { serial, epoch } = open;
          results.push({ serial, epoch, outcome: outcomes[at + next] ?? { type: 'unknown' } });
        }
        results.push(...this.#block(queue, item.epoch));
        return { channel: queue.channel, results };
      }
      if (outcome.type === 'stored') queue.stored = { epoch: item.epoch, seq: outcome.seq };
      results.push({ serial: item.serial, epoch: item.epoch, outcome });
    }
    // The room has its record now.
    queue.foundsRoom = false;
    if (queue.items.length > 0) this.#ready.push(queue);
    else this.#queues.delete(queue.channel);
    return { channel: queue.channel, results };
  }

  #requeue(queue: Queue, items: readonly Item[]): void {
    queue.items.unshift(...items);
    for (const item of items) this.#size += item.size;
    this.#entries += items.length;
    this.#ready.push(queue);
  }

  /** Gives back what waits behind a failure, untried: all of that reign and before. */
  #block(queue: Queue, epoch: number): AppendResult[] {
    const next = queue.items.findIndex((item) => item.epoch > epoch);
    const back = queue.items.splice(0, next < 0 ? queue.items.length : next);
    this.#ready = this.#ready.filter((other) => other !== queue);
    if (queue.items.length > 0) this.#ready.push(queue);
    else {
      this.#queues.delete(queue.channel);
      this.#blocked.set(queue.channel, epoch);
    }
    for (const item of back) this.#size -= item.size;
    this.#entries -= back.length;
    return back.map((item) => ({ serial: item.serial, epoch: item.epoch, outcome: { type: 'failed' } }));
  }

  /** Gives back everything that waits and is not in flight: the breaker is open. */
  refuseAll(): Settled[] {
    return this.#ready.map((queue) => {
      const newest = queue.items[queue.items.length - 1]?.epoch ?? 0;
      return { channel: queue.channel, results: this.#block(queue, newest) };
    });
  }
}

/** Nothing that comes later may be tried before this is settled. */
function isOpen({ type }: EntryOutcome): boolean {
  return type === 'fenced' || type === 'rewound' || type === 'failed' || type === 'unknown';
}
