import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Life, Turn } from '../../runtime/ports/actor.ts';
import type { Claimed, ClaimMode, Entry, NewEntry } from '../../runtime/ports/log-store.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import { explore, type ChartState } from '../chart.ts';
import {
  LOG,
  type AppendResult,
  type ClaimReply,
  type LookupReply,
  type Published,
  type Refusal,
} from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import type { LedgerLimits } from './ledger-limits.ts';
import { mayBeStored, PendingMessages, type Asker, type Pending } from './pending.ts';
import { Retry } from './retry.ts';
import { roomMachine } from './room.machine.ts';

export const roomChart = explore(roomMachine);

export type LedgerContext =
  | { readonly for: 'claim'; readonly mode: ClaimMode; readonly claim: number }
  | { readonly for: 'lookup'; readonly doubtful: readonly Pending[] };

/**
 * A home's part of the log: claim, append, settle (D6, D7).
 *
 * - Nothing is answered with success or shown to anyone before the store has confirmed it (invariant 3).
 * - While anything is in doubt the life is `suspect` and nothing new is taken; the claim that settles the
 *   doubt raises the epoch, so a late commit of the doubtful statement is either seen by it or refused.
 */
export class Ledger {
  life: ChartState = roomChart.initial;
  readonly channel: Channel;
  /** Nodes whose relays hear publications. */
  readonly nodes = new Set<Incarnation>();
  /** The channel is a room without a record, which its first message will make (FR7). */
  foundsRoom = false;
  readonly #limits: LedgerLimits;
  readonly #pending: PendingMessages;
  readonly #retry: Retry;
  readonly #prepare: (out: Outbox) => boolean;
  /** What the home knows beside the log was read under this reign, and is true until the home changes it. */
  #isPrepared = false;
  #epoch = 0;
  #head = 0;
  /** The claim under way, or the deletion; 0 for none. Until it is answered nothing is settled. */
  #openClaim = 0;
  #lastClaim = 0;
  /** A deletion may still come that only a row can refuse. */
  #needsRow = false;
  #activeAt: number;

  /**
   * `prepare` is asked under a new reign, since what was known before it may not be true any more (a room deleted
   * meanwhile). It says whether what the home needs beside the log is there; if not, it asks for it,
   * and {@link prepared} or {@link failed} is called when it is known.
   */
  constructor(channel: Channel, limits: LedgerLimits, turn: Turn, prepare: (out: Outbox) => boolean) {
    this.channel = channel;
    this.#limits = limits;
    this.#activeAt = turn.now;
    this.#pending = new PendingMessages(limits, turn.now);
    this.#prepare = prepare;
    this.#retry = new Retry(limits, (out) => this.#claim(out));
  }

  lives(): Life[] {
    return [{ chart: 'room', state: this.life }, ...this.#retry.lives()];
  }

  /** The epoch it appends under; 0 while the channel has no row, or is not claimed. */
  get epoch(): number {
    return this.#epoch;
  }

  /** How far the log is known to go. */
  get head(): number {
    return this.#head;
  }

  get isQuiet(): boolean {
    return this.#pending.count === 0 && this.#retry.isResting;
  }

  start(turn: Turn, out: Outbox): void {
    this.#retry.fire('needed', turn, out);
  }

  unavailable(message = 'the room cannot take messages right now'): Refusal {
    return { error: 'unavailable', message, retryAfterMs: this.#limits.retryAfterMs };
  }

  // --- taking

  append(entry: NewEntry, asker: Asker, turn: Turn, out: Outbox): void {
    this.#activeAt = turn.now;
    const isClosed = this.life.phase === 'suspect' || this.life.isFinal;
    const pending = isClosed ? undefined : this.#pending.add(entry, asker, turn.now);
    if (!pending) return out.reply(asker.replyTo, this.unavailable());
    if (!this.life.tags.has('open')) return;
    if (!this.#isPrepared) return;
    if (this.#epoch > 0) this.#give(pending, out);
    else this.#retry.fire('needed', turn, out);
  }

  #give(pending: Pending, out: Outbox): void {
    const { channel, foundsRoom } = this;
    const { serial, entry } = pending;
    this.#pending.give(pending, this.#epoch);
    out.tell(LOG, {
      type: 'append',
      channel,
      epoch: this.#epoch,
      head: this.#head,
      foundsRoom,
      serial,
      entry,
    });
  }

  // --- outcomes

  appended(results: readonly AppendResult[], turn: Turn, out: Outbox): void {
    const known = results.flatMap((result) => {
      const pending = this.#pending.get(result.serial);
      return pending?.givenAt === result.epoch ? [{ pending, outcome: result.outcome }] : [];
    });
    if (known.length === 0) return;
    // Who is a repeat of whom is judged while all of them are still there.
    const repeats = new Set(
      known.filter(
        ({ pending, outcome }) => outcome.type === 'duplicate' && !this.#pending.isOwn(pending, outcome.seq),
      ),
    );
    const stored: Entry[] = [];
    let isDoubted = false;
    for (const one of known) {
      const { pending, outcome } = one;
      this.#pending.takeBack(pending);
      switch (outcome.type) {
        case 'stored':
          if (outcome.seq <= this.#head) this.#rewind(outcome.seq - 1, out);
          this.#head = outcome.seq;
          stored.push({ ...pending.entry, seq: outcome.seq, at: outcome.at });
          this.#answer(pending, { seq: outcome.seq, at: outcome.at, isDuplicate: false }, out);
          break;
        case 'duplicate':
          this.#answer(pending, { seq: outcome.seq, at: outcome.at, isDuplicate: repeats.has(one) }, out);
          break;
        case 'refused':
          this.#answer(pending, { error: 'internal', message: 'the store does not take this message' }, out);
          break;
        case 'shed':
          // It was not tried this time, but may have been stored before: then only the log can tell.
          if (mayBeStored(pending)) isDoubted = true;
          else this.#answer(pending, this.unavailable(), out);
          break;
        default:
          isDoubted = true;
          if (outcome.type === 'unknown') pending.doubtedAt ??= this.#head;
      }
    }
    if (stored.length > 0) this.#show(stored, out);
    if (isDoubted) this.#doubt(turn, out);
    else this.#settled(turn, out);
  }

  /** The message with this sender and id that was taken and not answered yet. */
  underWay(entry: NewEntry): NewEntry | undefined {
    return this.#pending.twinOf(entry);
  }

  #show(entries: readonly Entry[], out: Outbox): void {
    this.foundsRoom = false;
    out.publish(this.channel, this.nodes, { type: 'published', entries });
    out.count('messages_stored', entries.length);
  }

  /**
   * All that the log was given is in doubt: it has forgotten it, or another database answers for it (D21). Of that one
   * nothing is known until it is claimed, and what the home needs beside the log is read there.
   */
  logDoubted(why: 'logRestarted' | 'timelineChanged', turn: Turn, out: Outbox): void {
    this.#pending.doubtAll(this.#head);
    const mayBeOther = why === 'timelineChanged';
    const wasPrepared = this.#isPrepared;
    if (mayBeOther) this.#isPrepared = false;
    if (this.#pending.count > 0 || (mayBeOther && this.#epoch > 0)) this.#doubt(turn, out);
    else if (mayBeOther && wasPrepared && this.#prepare(out)) this.prepared(turn, out);
  }

  storeBack(turn: Turn, out: Outbox): void {
    this.#retry.fire('hurried', turn, out);
  }

  #answer(pending: Pending, body: Published | Refusal, out: Outbox): void {
    this.#pending.remove(pending);
    out.reply(pending.replyTo, body);
  }

  /** At once the first time, then after growing pauses: a claim that succeeds is no cure when appends still fail. */
  #doubt(turn: Turn, out: Outbox): void {
    this.#fire('storeDoubted', out);
    if (this.#openClaim > 0) return;
    if (this.#retry.isAttempting) this.#failedOnce(turn, out);
    else this.#retry.fire('needed', turn, out);
  }

  #failedOnce(turn: Turn, out: Outbox): void {
    for (const pending of [...this.#pending]) {
      const isHopeless = !mayBeStored(pending) && turn.now - pending.takenAt >= this.#limits.giveUpMs;
      if (isHopeless) this.#answer(pending, this.unavailable(), out);
    }
    this.#retry.fire('failed', turn, out);
  }

  /** The store takes what it is given; what it has given back is for the claim to give again, before anything new. */
  #settled(turn: Turn, out: Outbox): void {
    if (this.#openClaim > 0 || !this.#isPrepared || !this.#pending.areAllGiven) return;
    this.#retry.fire('succeeded', turn, out);
    this.#fire('claimed', out);
  }

  // --- claiming

  #claim(out: Outbox): void {
    const mode: ClaimMode =
      this.#epoch > 0 ? 'settle' : this.#pending.count > 0 || this.#needsRow ? 'create' : 'open';
    const message = { type: 'claim', channel: this.channel, mode, epoch: this.#epoch } as const;
    this.#openClaim = ++this.#lastClaim;
    const context: LedgerContext = { for: 'claim', mode, claim: this.#openClaim };
    out.ask(LOG, message, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  /** What the home needs could not be had, or the claim failed: once more, later. */
  failed(turn: Turn, out: Outbox): void {
    this.#openClaim = 0;
    this.#fire('storeDoubted', out);
    this.#failedOnce(turn, out);
  }

  answered(context: LedgerContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    if (context.for === 'lookup') return this.#lookedUp(context.doubtful, answer as Answer<LookupReply>, out);
    // A deletion that came after it has raised the epoch, too: only that one counts.
    if (context.claim !== this.#openClaim) return;
    const reply = answer as Answer<ClaimReply>;
    if (!reply.ok || !reply.body.ok) return this.failed(turn, out);
    this.#openClaim = 0;
    const claimed = reply.body.value;
    if (!claimed && context.mode === 'settle') return this.#deposed(turn, out);
    if (claimed) {
      if (claimed.head < this.#head) this.#rewind(claimed.head, out);
      // What a doubtful statement has stored after all is in no publication: relays read it.
      if (claimed.head > this.#head)
        out.publish(this.channel, this.nodes, { type: 'head', head: claimed.head });
      // What the log still has was given under the reign before: whatever is said of it next, it may be stored.
      this.#pending.doubtAll(this.#head);
      this.#adopt(claimed);
    }
    // Of a row that we have made nobody can have changed anything; where there was doubt, another database may answer (D21).
    const isContinued = context.mode === 'create' && claimed?.epoch === 1;
    if (!isContinued) this.#isPrepared = false;
    if (this.#isPrepared || this.#prepare(out)) this.prepared(turn, out);
  }

  /** Under a reign, and knowing what the home needs beside it: everything that is under way is given to the log. */
  prepared(turn: Turn, out: Outbox): void {
    this.#isPrepared = true;
    this.#dropExpired(turn, out);
    if (this.#pending.count === 0) return this.#settled(turn, out);
    // Whether it is settled is for the appends to say.
    if (this.#epoch > 0) for (const pending of this.#pending) this.#give(pending, out);
    else this.#claim(out);
  }

  /** The log has lost what was behind its head: nobody else writes under our reign, so up to there it is what it was. */
  #rewind(head: number, out: Outbox): void {
    out.count('rewinds');
    out.add({
      type: 'log',
      level: 'error',
      event: 'the log has lost its end',
      details: { channel: this.channel, was: this.#head, head },
    });
    this.#head = head;
    this.#pending.rewound(head);
    out.publish(this.channel, this.nodes, { type: 'rewound' });
  }

  get isPrepared(): boolean {
    return this.#isPrepared;
  }

  /** What is under way has no place to go any more. */
  refuseAll(refusal: Refusal, out: Outbox): void {
    for (const pending of [...this.#pending]) this.#answer(pending, refusal, out);
  }

  #adopt({ epoch, head }: Claimed): void {
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    this.#head = Math.max(this.#head, head);
  }

  // --- the channel's content is removed (RS3)

  /** The epoch is being raised by a deletion: what is said of appends and claims meanwhile is about the one before. */
  closing(): void {
    this.#openClaim = ++this.#lastClaim;
  }

  /** The channel goes on, empty, under this epoch. What was under way has no place to go any more. */
  closed(claimed: Claimed, refusal: Refusal, turn: Turn, out: Outbox): void {
    this.#openClaim = 0;
    // What the home knows now is what it has just changed.
    this.#isPrepared = true;
    this.#adopt(claimed);
    this.refuseAll(refusal, out);
    this.#settled(turn, out);
  }

  /** It may have been raised, or be raised yet: a claim tells, and fences what comes later. */
  closingFailed(turn: Turn, out: Outbox): void {
    this.#openClaim = 0;
    this.#needsRow = true;
    this.#doubt(turn, out);
  }

  /**
   * Entries whose asker does not wait any more: storing them later would come as a surprise. Of those that may have
   * been stored nothing is said: their asks end as unknown, which is what they are (DG4).
   */
  #dropExpired(turn: Turn, out: Outbox): void {
    for (const pending of [...this.#pending]) {
      if (pending.deadline >= turn.now) continue;
      if (mayBeStored(pending)) this.#pending.remove(pending);
      else this.#answer(pending, this.unavailable(), out);
    }
  }

  // --- deposed

  /** Somebody else has claimed: what is in the log now is final, so reading back settles every doubt (D7). */
  #deposed(turn: Turn, out: Outbox): void {
    this.#retry.fire('givenUp', turn, out);
    const all = [...this.#pending];
    const doubtful = all.filter(mayBeStored);
    for (const pending of all) if (!mayBeStored(pending)) this.#answer(pending, this.unavailable(), out);
    if (doubtful.length === 0) return this.#fire('deposed', out);
    const keys = doubtful.map(({ entry }) => ({ sender: entry.sender, id: entry.id }));
    const context: LedgerContext = { for: 'lookup', doubtful };
    const request = { call: 'lookup', channel: this.channel, keys } as const;
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  #lookedUp(doubtful: readonly Pending[], answer: Answer<LookupReply>, out: Outbox): void {
    for (const [at, pending] of doubtful.entries()) {
      // Without an answer the asks stay open and end as unknown, which is what they are.
      if (!answer.ok || !answer.body.ok) break;
      const found = answer.body.value[at];
      if (!found) this.#answer(pending, this.unavailable(), out);
      else this.#answer(pending, { ...found, isDuplicate: !this.#pending.isOwn(pending, found.seq) }, out);
    }
    this.#fire('deposed', out);
  }

  // --- charts

  timer(timer: string, isUsed: boolean, turn: Turn, out: Outbox): void {
    if (timer === 'backoff') return this.#retry.fire('backoff', turn, out);
    if (timer !== 'idle') return;
    const { idleMs } = this.#limits;
    const rest = isUsed || this.#pending.count > 0 ? idleMs : this.#activeAt + idleMs - turn.now;
    if (rest > 0) out.arm('idle', rest);
    else this.#fire('idle', out);
  }

  drain(out: Outbox): void {
    this.#fire('drained', out);
  }

  #fire(event: string, out: Outbox): void {
    const edge = this.life.edges[event];
    if (!edge?.isHandled) return;
    this.life = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#limits.idleMs);
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else if (effect.action === 'release') this.#release(event, out);
    }
  }

  #release(event: string, out: Outbox): void {
    if (event === 'deposed') out.publish(this.channel, this.nodes, { type: 'homeDeposed' });
    out.add({ type: 'stop' });
  }
}
