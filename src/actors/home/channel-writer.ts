import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Lifecycle, Turn } from '../../runtime/ports/actor.ts';
import type { Claimed, ClaimMode, Entry, NewEntry } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { LOG, type AppendResult, type StoreAnswer } from '../messages/log.ts';
import { VIEW } from '../messages/node.ts';
import type { Refusal } from '../messages/terms.ts';
import { answerFor } from '../kit/answers.ts';
import type { Effects } from '../kit/effects.ts';
import { shardOf } from '../kit/shards.ts';
import { ALIVE, HomeLifecycle } from './home-lifecycle.ts';
import type { WriterLimits } from './writer-limits.ts';
import { mayBeStored, PendingMessages, type Asker, type Pending } from './pending.ts';
import { NOT_STORABLE, unavailable } from './refusals.ts';
import { Retry } from './retry.ts';
import {
  mayFollow,
  newWriter,
  tellRewound,
  type Claiming,
  type HibernatedWriter,
  type WriterContext,
  type WriterState,
} from './writer-state.ts';

/**
 * A home's part of the log: claim, append, settle (D6, D7).
 *
 * - No message is answered with success or published before the store has confirmed it (invariant 3).
 * - While anything is in doubt the home is `suspect` and the writer accepts nothing new. The claim that settles the doubt
 *   raises the epoch. So it sees a late commit of the doubtful statement, or the store refuses that commit.
 * - The home prepares after each claim: it reads what it needs beside the log, which may have changed under the epoch
 *   before (a room may be deleted). In the state `claimed` it has to begin; it calls {@link preparing} if it waits for an
 *   answer, and {@link prepared} or {@link failed} at the end.
 */
export class ChannelWriter {
  readonly channel: Channel;
  /** Nodes whose relays hear publications. */
  readonly nodes: Set<Incarnation>;
  /** The channel is a room without a record, which its first message will make (FR7). */
  createsRoom = false;
  readonly #limits: WriterLimits;
  readonly #pending: PendingMessages;
  readonly #retry: Retry;
  readonly #lifecycle: HomeLifecycle;
  #state: WriterState;
  #epoch: number;
  #head: number;
  #activeAt: number;

  /** `small`: what is left of an earlier object of this generation. Without it, nothing is claimed yet. */
  constructor(channel: Channel, limits: WriterLimits, turn: Turn, small?: HibernatedWriter) {
    const { epoch, head, lastSerial, nodes } = small ?? newWriter(turn.now);
    this.channel = channel;
    this.nodes = new Set(nodes);
    this.#limits = limits;
    this.#state = small ? { is: 'ready' } : { is: 'waiting', needsRow: false };
    this.#epoch = epoch;
    this.#head = head;
    this.#activeAt = turn.now;
    this.#pending = new PendingMessages(limits, lastSerial);
    this.#retry = new Retry(limits);
    this.#lifecycle = new HomeLifecycle(limits.idleMs, small && ALIVE);
  }

  chartStates(): Lifecycle[] {
    return [{ chart: 'room', state: this.#lifecycle.state }, ...this.#retry.chartStates()];
  }

  /** Requests to the home wait until it has begun. */
  get hasBegun(): boolean {
    return this.#lifecycle.state.phase !== 'connecting';
  }

  get state(): WriterState {
    return this.#state;
  }

  /** The epoch under which it appends; 0 while the channel has no row, or is not claimed. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The last seq of the log that is known. */
  get head(): number {
    return this.#head;
  }

  /** The head if it is certain: the home owns the channel, or the channel has no row, and nothing is in doubt. */
  get certainHead(): number | undefined {
    return this.#lifecycle.isOpen && this.isUsable ? this.#head : undefined;
  }

  /** The claim is settled, as far as the home knows. */
  get isUsable(): boolean {
    return this.#state.is === 'ready' || this.#state.is === 'settling';
  }

  /** Nothing is under way. */
  get isQuiet(): boolean {
    return this.#state.is === 'stopped' || (this.#state.is === 'ready' && this.#pending.count === 0);
  }

  /** The state from which the writer can continue. Undefined while anything is under way. */
  hibernate(): HibernatedWriter | undefined {
    if (this.#state.is !== 'ready' || this.#pending.count > 0 || !this.#lifecycle.isOpen) return undefined;
    return {
      epoch: this.#epoch,
      head: this.#head,
      lastSerial: this.#pending.lastSerial,
      nodes: [...this.nodes],
    };
  }

  #become(next: WriterState, out: Effects): void {
    out.check('writer_state', mayFollow(this.#state, next));
    this.#state = next;
  }

  unavailable(): Refusal {
    return unavailable(this.#limits);
  }

  // --- taking

  append(entry: NewEntry, asker: Asker, turn: Turn, out: Effects): void {
    this.#activeAt = turn.now;
    const pending = this.#lifecycle.isClosed ? undefined : this.#pending.add(entry, asker, turn.now);
    if (!pending) return out.reply(asker.replyTo, this.unavailable());
    if (!this.isUsable) return;
    if (this.#epoch > 0) this.#submit(pending, out);
    else this.claim(turn, out);
  }

  #submit(pending: Pending, out: Effects): void {
    const { channel, createsRoom } = this;
    const { serial, entry } = pending;
    this.#pending.submit(pending, this.#epoch);
    const [epoch, head] = [this.#epoch, this.#head];
    out.tell(LOG, { type: 'append', channel, epoch, head, createsRoom, serial, entry });
  }

  // --- outcomes

  appended(results: readonly AppendResult[], turn: Turn, out: Effects): void {
    const judged = this.#pending.judge(results);
    if (judged.length === 0) return;
    const stored: Entry[] = [];
    let isDoubted = false;
    for (const { pending, outcome, isRepeat } of judged) {
      this.#pending.release(pending);
      switch (outcome.type) {
        case 'stored': {
          const { seq, at } = outcome;
          if (seq <= this.#head) this.#rewind(seq - 1, out);
          this.#head = seq;
          stored.push({ ...pending.entry, seq, at });
          this.#pending.answer(pending, { seq, at, isDuplicate: false }, out);
          break;
        }
        case 'duplicate':
          this.#pending.answer(pending, { seq: outcome.seq, at: outcome.at, isDuplicate: isRepeat }, out);
          break;
        case 'refused':
          this.#pending.answer(pending, NOT_STORABLE, out);
          break;
        case 'shed':
          // It was not tried this time, but may have been stored before: then only the log can tell.
          if (mayBeStored(pending)) isDoubted = true;
          else this.#pending.answer(pending, this.unavailable(), out);
          break;
        default:
          isDoubted = true;
          if (outcome.type === 'unknown') pending.doubtedAt ??= this.#head;
      }
    }
    if (stored.length > 0) this.#show(stored, out);
    if (isDoubted) this.doubt(turn, out);
    // After a claim, messages that were not submitted again yet come before anything new.
    else if (this.#state.is === 'settling' && this.#pending.allSubmitted) this.#ready(turn, out);
  }

  /** Messages under way have no place to go any more. */
  refuseAll(refusal: Refusal, out: Effects): void {
    this.#pending.refuseAll(refusal, out);
  }

  /** The message with this sender and id that was taken and not answered yet. */
  findDuplicate(entry: NewEntry): NewEntry | undefined {
    return this.#pending.findDuplicate(entry);
  }

  #show(entries: readonly Entry[], out: Effects): void {
    this.createsRoom = false;
    out.publish(this.channel, this.nodes, { type: 'published', entries });
    if (this.#limits.isPlaced) out.add({ type: 'announce', channel: this.channel, entries });
    out.count('messages_stored', entries.length);
  }

  /**
   * Everything that was submitted is in doubt: the log has forgotten it, or another database answers (D21). Nothing is known
   * of another database until the channel is claimed there, and the home prepares anew.
   */
  logDoubted(why: 'logRestarted' | 'timelineChanged', turn: Turn, out: Effects): void {
    this.#pending.doubtAll(this.#head);
    const mayBeOther = why === 'timelineChanged';
    if (this.#pending.count > 0 || (mayBeOther && this.#epoch > 0)) return this.doubt(turn, out);
    if (!mayBeOther) return;
    const { is } = this.#state;
    if (is === 'ready' || is === 'preparing') this.#become({ is: 'claimed' }, out);
    else if (is === 'claiming' && this.#lifecycle.isOpen) this.#fire('storeDoubted', out);
  }

  storeBack(turn: Turn, out: Effects): void {
    if (this.#retry.fire('hurried', turn, out)) this.#claim(out);
  }

  /** The first claim comes at once, the next ones after growing pauses: a claim may succeed while appends still fail. */
  doubt(turn: Turn, out: Effects): void {
    this.#fire('storeDoubted', out);
    const { is } = this.#state;
    if (is === 'ready') return this.claim(turn, out);
    // In every other state the claim, deletion or lookup that is under way settles this doubt too.
    if (is === 'claimed' || is === 'preparing' || is === 'settling') this.#wait(false, turn, out);
  }

  #wait(needsRow: boolean, turn: Turn, out: Effects): void {
    this.#pending.refuseUnstored(turn.now - this.#limits.giveUpMs, this.unavailable(), out);
    this.#become({ is: 'waiting', needsRow }, out);
    this.#retry.fire('failed', turn, out);
  }

  #ready(turn: Turn, out: Effects): void {
    this.#become({ is: 'ready' }, out);
    this.#retry.fire('succeeded', turn, out);
    this.#fire('claimed', out);
  }

  // --- claiming

  /** Claims now: at the start, for a first message, or in doubt. */
  claim(turn: Turn, out: Effects, needsRow = false): void {
    this.#retry.fire('needed', turn, out);
    this.#claim(out, needsRow);
  }

  #claim(out: Effects, needsRow = this.#state.is === 'waiting' && this.#state.needsRow): void {
    const isRowMissing = needsRow || this.#pending.count > 0;
    const mode: ClaimMode = this.#epoch > 0 ? 'settle' : isRowMissing ? 'create' : 'open';
    const attempt: Claiming = { is: 'claiming', mode };
    this.#become(attempt, out);
    const shard = this.#limits.isPlaced ? shardOf(this.channel) : undefined;
    const message = { type: 'claim', channel: this.channel, mode, epoch: this.#epoch, shard } as const;
    const context: WriterContext = { for: 'claim', attempt };
    out.ask(LOG, message, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  answered(context: WriterContext, answer: Answer<unknown>, turn: Turn, out: Effects): void {
    if (context.for === 'lookup') return this.#lookedUp(answerFor(context, answer), out);
    const { attempt } = context;
    // A deletion that began after it has raised the epoch too, and only the deletion counts.
    if (attempt !== this.#state) return;
    const reply = answerFor(context, answer);
    if (!reply.ok || !reply.body.ok) {
      this.#fire('storeDoubted', out);
      return this.#wait(attempt.mode === 'create', turn, out);
    }
    const claimed = reply.body.value;
    if (claimed === 'elsewhere') return this.#displaced(turn, out);
    if (!claimed && attempt.mode === 'settle') return this.#deposed(turn, out);
    if (claimed) {
      if (claimed.head < this.#head) this.#rewind(claimed.head, out);
      // What a doubtful statement has stored after all is in no publication: relays read it.
      if (claimed.head > this.#head)
        out.publish(this.channel, this.nodes, { type: 'head', head: claimed.head });
      // What the log still has was submitted under the epoch before: whatever it says of it next, it may be stored.
      this.#pending.doubtAll(this.#head);
      this.#adopt(claimed, out);
    }
    // Nothing can have changed beside a row that this claim has made, unless there was doubt: then another database may
    // have answered (D21).
    const isContinued = attempt.mode === 'create' && claimed?.epoch === 1 && this.#lifecycle.isOpen;
    if (isContinued) this.prepared(turn, out);
    else this.#become({ is: 'claimed' }, out);
  }

  preparing(out: Effects): void {
    this.#become({ is: 'preparing' }, out);
  }

  /** Nothing is missing for appends: the log gets everything that waits. */
  prepared(turn: Turn, out: Effects): void {
    this.#pending.dropExpired(turn.now, this.unavailable(), out);
    if (this.#pending.count === 0) return this.#ready(turn, out);
    if (this.#epoch === 0) return this.claim(turn, out);
    this.#become({ is: 'settling' }, out);
    for (const pending of this.#pending) this.#submit(pending, out);
  }

  /** The home could not read what it needs. */
  failed(turn: Turn, out: Effects): void {
    this.#fire('storeDoubted', out);
    this.#wait(false, turn, out);
  }

  /** The log has lost its end. No other home writes under this epoch, so the entries up to the head are the same as before. */
  #rewind(head: number, out: Effects): void {
    tellRewound(this.channel, { was: this.#head, head }, out);
    this.#head = head;
    this.#pending.rewound(head);
    out.publish(this.channel, this.nodes, { type: 'rewound' });
  }

  #adopt({ epoch, head }: Claimed, out: Effects): void {
    out.check('epoch_rises', epoch > this.#epoch);
    this.#epoch = Math.max(this.#epoch, epoch);
    this.#head = Math.max(this.#head, head);
  }

  // --- the channel's content is removed (RS3)

  /** A deletion is raising the epoch. Results of appends and claims from before concern the epoch before. */
  closing(turn: Turn, out: Effects): void {
    if (this.#state.is === 'lookingUp' || this.#state.is === 'stopped') return;
    this.#become({ is: 'deleting' }, out);
    this.#retry.fire('givenUp', turn, out);
  }

  /** The channel goes on under this epoch, and is empty. Messages that wait are for the content that is gone. */
  closed(claimed: Claimed, refusal: Refusal, turn: Turn, out: Effects): void {
    if (this.#state.is !== 'deleting') return;
    this.#adopt(claimed, out);
    this.#pending.refuseAll(refusal, out);
    this.#ready(turn, out);
  }

  /** The deletion may be carried out, or may come later. A claim tells, and fences it; only a row can fence. */
  closingFailed(turn: Turn, out: Effects): void {
    if (this.#state.is !== 'deleting') return;
    this.#fire('storeDoubted', out);
    this.claim(turn, out, true);
  }

  // --- deposed

  /** The view names another node. Once that has claimed, the log shows which doubtful messages are stored, and not before. */
  #displaced(turn: Turn, out: Effects): void {
    this.#pending.dropExpired(turn.now, this.unavailable(), out);
    this.#pending.refuseUnstored(Infinity, this.unavailable(), out);
    out.tell(VIEW, { type: 'viewChanged', stamp: '' });
    if (this.#pending.count === 0) return this.#fire('deposed', out);
    this.failed(turn, out);
  }

  /** Another home has claimed: what is in the log now is final, so reading it back settles every doubt (D7). */
  #deposed(turn: Turn, out: Effects): void {
    this.#retry.fire('givenUp', turn, out);
    this.#pending.refuseUnstored(Infinity, this.unavailable(), out);
    const doubtful = [...this.#pending];
    this.#become({ is: 'lookingUp', doubtful }, out);
    if (doubtful.length === 0) return this.#fire('deposed', out);
    const keys = doubtful.map(({ entry }) => ({ sender: entry.sender, id: entry.id }));
    const context: WriterContext = { for: 'lookup' };
    const request = { call: 'lookup', channel: this.channel, keys } as const;
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  #lookedUp(answer: Answer<StoreAnswer<'lookup'>>, out: Effects): void {
    if (this.#state.is !== 'lookingUp') return;
    const { doubtful } = this.#state;
    // Without an answer the asks stay open and end as unknown, which is true.
    const found = answer.ok && answer.body.ok ? answer.body.value : undefined;
    if (found) this.#pending.answerFound(doubtful, found, this.unavailable(), out);
    this.#fire('deposed', out);
  }

  // --- charts

  timer(timer: string, isUsed: boolean, turn: Turn, out: Effects): void {
    if (timer === 'backoff' && this.#retry.fire('backoff', turn, out)) return this.#claim(out);
    if (timer !== 'idle') return;
    const { idleMs } = this.#limits;
    const rest = isUsed || !this.isQuiet ? idleMs : this.#activeAt + idleMs - turn.now;
    if (rest > 0) out.arm('idle', rest);
    else this.#fire('idle', out);
  }

  drain(out: Effects): void {
    this.#fire('drained', out);
  }

  #fire(event: string, out: Effects): void {
    if (!this.#lifecycle.fire(event, out)) return;
    if (event === 'deposed') out.publish(this.channel, this.nodes, { type: 'homeDeposed' });
    this.#become({ is: 'stopped' }, out);
    out.add({ type: 'stop' });
  }
}
