import type { Channel } from '../../protocol/channels.ts';
import type { Answer, Turn } from '../../runtime/ports/actor.ts';
import type { Claimed, ClaimMode, Entry, NewEntry } from '../../runtime/ports/log-store.ts';
import { explore, type ChartState } from '../chart.ts';
import {
  LOG,
  type AppendResult,
  type ClaimReply,
  type LogReply,
  type Published,
  type Refusal,
} from '../messages.ts';
import type { Outbox } from '../outbox.ts';
import { PendingMessages, type Asker, type Pending } from './pending.ts';
import { Retry } from './retry.ts';
import { roomMachine } from './room.machine.ts';

export const roomChart = explore(roomMachine);

export interface LedgerLimits {
  /** Messages of one channel that may be under way; 16 statements of 64. */
  readonly pendingMax: number;
  /** UTF-16 units of them together. */
  readonly pendingSizeMax: number;
  readonly idleMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** How long the log may take to answer: more than its own deadlines, so that it answers first. */
  readonly logDeadlineMs: number;
  /** How long a message that certainly was not stored is tried: as long as a database takes to come back quickly. */
  readonly giveUpMs: number;
  readonly retryAfterMs: number;
}

export const LEDGER_LIMITS: LedgerLimits = {
  pendingMax: 1_024,
  pendingSizeMax: 4 * 1024 * 1024,
  idleMs: 300_000,
  backoffMs: 100,
  backoffMaxMs: 2_000,
  logDeadlineMs: 6_000,
  giveUpMs: 3_000,
  retryAfterMs: 1_000,
};

export type LedgerContext =
  | { readonly for: 'claim'; readonly mode: ClaimMode }
  | { readonly for: 'lookup'; readonly doubtful: readonly Pending[] };

type LookupReply = LogReply<readonly ({ readonly seq: number; readonly at: number } | null)[]>;

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
  readonly nodes = new Set<string>();
  /** The channel is a room without a record, which its first message will make (FR7). */
  foundsRoom = false;
  readonly #limits: LedgerLimits;
  readonly #pending: PendingMessages;
  readonly #retry: Retry;
  #epoch = 0;
  #head = 0;
  /** A claim is under way: what is said of appends meanwhile is about the epoch before it. */
  #isClaiming = false;
  #activeAt: number;

  /**
   * `prepare` says whether what the home needs beside the claim is there; if not, it asks for it,
   * and {@link claim} or {@link failed} is called when it is known.
   */
  constructor(channel: Channel, limits: LedgerLimits, turn: Turn, prepare: (out: Outbox) => boolean) {
    this.channel = channel;
    this.#limits = limits;
    this.#activeAt = turn.now;
    this.#pending = new PendingMessages({ countMax: limits.pendingMax, sizeMax: limits.pendingSizeMax });
    this.#retry = new Retry(limits, (out) => {
      if (prepare(out)) this.claim(out);
    });
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
    if (this.#epoch > 0) this.#give(pending, out);
    else this.#retry.fire('needed', turn, out);
  }

  #give({ serial, entry }: Pending, out: Outbox): void {
    const { channel, foundsRoom } = this;
    out.tell(LOG, { type: 'append', channel, epoch: this.#epoch, foundsRoom, serial, entry });
  }

  // --- outcomes

  appended(results: readonly AppendResult[], turn: Turn, out: Outbox): void {
    const stored: Entry[] = [];
    let isMoving = false;
    let isDoubted = false;
    for (const { serial, outcome } of results) {
      const pending = this.#pending.get(serial);
      if (!pending) continue;
      switch (outcome.type) {
        case 'stored':
          isMoving = true;
          this.#head = Math.max(this.#head, outcome.seq);
          stored.push({ ...pending.entry, seq: outcome.seq, at: outcome.at });
          this.#answer(pending, { seq: outcome.seq, at: outcome.at, isDuplicate: false }, out);
          break;
        case 'duplicate':
          isMoving = true;
          this.#answerDuplicate(pending, outcome, out);
          break;
        case 'refused':
          isMoving = true;
          this.#answer(pending, { error: 'internal', message: 'the store does not take this message' }, out);
          break;
        case 'shed':
          this.#answer(pending, this.unavailable(), out);
          break;
        default:
          isDoubted = true;
          if (outcome.type === 'unknown') pending.doubtedAt ??= this.#head;
      }
    }
    if (stored.length > 0) this.#show(stored, out);
    if (isMoving) this.#settled(turn, out);
    if (isDoubted) this.#doubt(turn, out);
  }

  #show(entries: readonly Entry[], out: Outbox): void {
    this.foundsRoom = false;
    out.publish(this.channel, this.nodes, { type: 'published', entries });
    out.count('messages_stored', entries.length);
  }

  /** All that the log was given is in doubt: it has forgotten it. */
  logRestarted(turn: Turn, out: Outbox): void {
    this.#pending.doubtAll(this.#head);
    if (this.#pending.count > 0) this.#doubt(turn, out);
  }

  storeBack(turn: Turn, out: Outbox): void {
    this.#retry.fire('hurried', turn, out);
  }

  #answer(pending: Pending, body: Published | Refusal, out: Outbox): void {
    this.#pending.remove(pending);
    out.reply(pending.replyTo, body);
  }

  #answerDuplicate(
    pending: Pending,
    { seq, at }: { readonly seq: number; readonly at: number },
    out: Outbox,
  ): void {
    this.#answer(pending, { seq, at, isDuplicate: !this.#pending.isOwn(pending, seq) }, out);
  }

  /** At once the first time, then after growing pauses: a claim that succeeds is no cure when appends still fail. */
  #doubt(turn: Turn, out: Outbox): void {
    this.#fire('storeDoubted', out);
    if (this.#isClaiming) return;
    if (this.#retry.isAttempting) this.#failedOnce(turn, out);
    else this.#retry.fire('needed', turn, out);
  }

  #failedOnce(turn: Turn, out: Outbox): void {
    for (const pending of [...this.#pending]) {
      const isHopeless =
        pending.doubtedAt === undefined && turn.now - pending.takenAt >= this.#limits.giveUpMs;
      if (isHopeless) this.#answer(pending, this.unavailable(), out);
    }
    this.#retry.fire('failed', turn, out);
  }

  /** The store takes what it is given. */
  #settled(turn: Turn, out: Outbox): void {
    this.#retry.fire('succeeded', turn, out);
    this.#fire('claimed', out);
  }

  // --- claiming

  claim(out: Outbox): void {
    const mode: ClaimMode = this.#epoch > 0 ? 'settle' : this.#pending.count > 0 ? 'create' : 'open';
    const message = { type: 'claim', channel: this.channel, mode, epoch: this.#epoch } as const;
    const context: LedgerContext = { for: 'claim', mode };
    this.#isClaiming = true;
    out.ask(LOG, message, { deadlineMs: this.#limits.logDeadlineMs, context });
  }

  /** What the home needs could not be had, or the claim failed: once more, later. */
  failed(turn: Turn, out: Outbox): void {
    this.#isClaiming = false;
    this.#fire('storeDoubted', out);
    this.#failedOnce(turn, out);
  }

  answered(context: LedgerContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    if (context.for === 'lookup') return this.#lookedUp(context.doubtful, answer as Answer<LookupReply>, out);
    const reply = answer as Answer<ClaimReply>;
    if (!reply.ok || !reply.body.ok) return this.failed(turn, out);
    this.#isClaiming = false;
    const claimed = reply.body.value;
    if (!claimed && context.mode === 'settle') return this.#deposed(turn, out);
    if (claimed) {
      // What a doubtful statement has stored after all is in no publication: relays read it.
      if (claimed.head > this.#head)
        out.publish(this.channel, this.nodes, { type: 'head', head: claimed.head });
      this.#adopt(claimed.epoch, Math.max(this.#head, claimed.head));
    }
    this.#dropExpired(turn, out);
    if (this.#pending.count === 0) return this.#settled(turn, out);
    // Whether it is settled is for the appends to say.
    if (this.#epoch > 0) for (const pending of this.#pending) this.#give(pending, out);
    else this.claim(out);
  }

  #adopt(epoch: number, head: number): void {
    if (epoch === 0) return;
    this.#epoch = epoch;
    this.#head = head;
  }

  // --- the channel's content is removed (RS3)

  /** The epoch is being raised by a deletion: what is said of appends meanwhile is about the epoch before. */
  closing(): void {
    this.#isClaiming = true;
  }

  /** The channel goes on, empty, under this epoch. What was under way has no place to go any more. */
  closed(claimed: Claimed, refusal: Refusal, turn: Turn, out: Outbox): void {
    this.#isClaiming = false;
    this.#adopt(claimed.epoch, claimed.head);
    for (const pending of [...this.#pending]) this.#answer(pending, refusal, out);
    this.#settled(turn, out);
  }

  /** It may have been raised or not: a claim tells. */
  closingFailed(turn: Turn, out: Outbox): void {
    this.#isClaiming = false;
    this.#doubt(turn, out);
  }

  /**
   * Entries whose asker does not wait any more. The claim has settled them: whether one in doubt was stored
   * is final now, and storing it later would come as a surprise.
   */
  #dropExpired(turn: Turn, out: Outbox): void {
    for (const pending of [...this.#pending]) {
      if (pending.deadline < turn.now) this.#answer(pending, this.unavailable(), out);
    }
  }

  // --- deposed

  /** Somebody else has claimed: what is in the log now is final, so reading back settles every doubt (D7). */
  #deposed(turn: Turn, out: Outbox): void {
    this.#retry.fire('givenUp', turn, out);
    const all = [...this.#pending];
    const doubtful = all.filter((pending) => pending.doubtedAt !== undefined);
    for (const pending of all)
      if (pending.doubtedAt === undefined) this.#answer(pending, this.unavailable(), out);
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
      if (found) this.#answerDuplicate(pending, found, out);
      else this.#answer(pending, this.unavailable(), out);
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
