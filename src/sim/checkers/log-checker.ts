import { isRefusal, type Refusal } from '../../actors/messages/terms.ts';
import type { Published } from '../../actors/messages/home.ts';
import type { Channel } from '../../protocol/channels.ts';
import { isoTime } from '../../protocol/time.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import type {
  AppendRequest,
  Claimed,
  EntryOutcome,
  NewEntry,
  StoreCalls,
} from '../../runtime/ports/log-store.ts';
import { Bans } from './bans.ts';
import { ClusterChecker, type ClusterBook } from './cluster-checker.ts';
import { EndedSessions } from './ended-sessions.ts';
import { Histories, keyOf, type Committed, type Row, type Rows } from './histories.ts';
import { LinkChecker } from './link-checker.ts';
import { SlowTimes } from './slow-times.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Violate } from '../kit/violation.ts';

type ClaimRequest = StoreCalls['claim']['request'];
/** A copy of the log: the state of a standby without lag. */
export interface Book {
  readonly rows: Rows;
  readonly removals: ReadonlyMap<string, number>;
  readonly cluster: ClusterBook;
}

type Stored = Extract<EntryOutcome, { readonly seq: number }>;
type Before = ReadonlyMap<Channel, { readonly epoch: number; readonly owner: string } | undefined>;

/**
 * What the log must be, in a book of its own. It checks each commit against invariants 1, 2, 7 and 9 as it happens, and
 * other checkers compare with it what clients are shown.
 */
export class LogChecker extends Histories {
  readonly #timeline: Timeline;
  readonly #violate: Violate;
  #removals: ReadonlyMap<string, number> = new Map();
  readonly bans: Bans;
  readonly sessions: EndedSessions;
  readonly cluster: ClusterChecker;
  readonly links: LinkChecker;
  readonly slow: SlowTimes;
  /** When each message of an ordinary user was first sent. */
  readonly #sentAt = new Map<string, number>();
  /** How many entries were ever committed. */
  size = 0;
  /** Keys that a client must take as not stored, and has not resent. */
  readonly #denied = new Map<string, string>();

  constructor(timeline: Timeline, violate: Violate, isClustered = false) {
    super();
    this.#timeline = timeline;
    this.#violate = violate;
    this.bans = new Bans(timeline);
    this.slow = new SlowTimes(timeline, isClustered);
    this.sessions = new EndedSessions(timeline, this.slow, violate);
    this.cluster = new ClusterChecker(timeline, violate, isClustered);
    this.links = new LinkChecker(timeline, violate, () => this.cluster.isTroubled);
  }

  /** A client learned that this is not stored. Unless the client resends it, it must never be (invariant 6). */
  deny(channel: Channel, sender: string, id: string, why: string): void {
    this.#denied.set(`${channel}\n${keyOf(sender, id)}`, why);
  }

  allow(channel: Channel, sender: string, id: string): void {
    this.#denied.delete(`${channel}\n${keyOf(sender, id)}`);
  }

  /** A publisher that sends only once gets the outcome (invariant 6). */
  told(channel: Channel, { sender, id }: NewEntry, answer: Answer<unknown>, askedAt: number): void {
    const body = answer.ok ? (answer.body as Published | Refusal) : undefined;
    if (body && !isRefusal(body)) {
      const entry = this.findAt(channel, { sender, id }, body.seq, askedAt);
      if (entry?.seq !== body.seq && body.seq > this.deletedTo(channel, askedAt))
        this.#violate(
          6,
          `${sender} learns that ${id} is at ${body.seq} of ${channel}; it is at ${entry?.seq}`,
        );
      return;
    }
    if (answer.ok ? body?.error === 'outcome_unknown' : answer.taken) return;
    const code = body?.error ?? 'that it was not taken';
    const entry = this.find(channel, sender, id);
    if (entry) this.#violate(6, `${sender} gets ${code} for ${id}, which is at ${entry.seq} of ${channel}`);
    this.deny(channel, sender, id, code);
  }

  // --- the database

  copy(): Book {
    return { rows: this.copyOfRows(), removals: this.#removals, cluster: this.cluster.copy() };
  }

  /** A standby continues from its copy. The removals that it has stay, unless they were undone meanwhile. */
  failOver({ rows, removals, cluster }: Book): void {
    this.goOnWith(rows, this.#timeline.now);
    this.#removals = new Map([...removals].filter(([key, at]) => this.#removals.get(key) === at));
    this.bans.failedOver();
    this.sessions.failedOver();
    this.cluster.failOver(cluster);
  }

  appended(owner: string, appends: readonly AppendRequest[], outcomes: readonly EntryOutcome[]): void {
    for (const [at, append] of appends.entries()) {
      const outcome = outcomes[at];
      if (outcome?.type === 'stored') this.#stored(owner, append, outcome);
      if (outcome?.type === 'duplicate') this.#repeated(append, outcome.seq);
    }
  }

  #stored(owner: string, { channel, epoch, entry }: AppendRequest, { seq, at }: Stored): void {
    const row = this.row(channel);
    const { id, sender, content, data } = entry;
    const key = keyOf(sender, id);
    if (seq !== row.head + 1) this.#violate(1, `${channel} got seq ${seq} after ${row.head}`);
    if (epoch < row.epoch)
      this.#violate(9, `${channel} seq ${seq} was committed at epoch ${epoch}, after ${row.epoch}`);
    const reigning = row.owners.get(epoch);
    if (reigning !== owner)
      this.#violate(
        2,
        `${channel} seq ${seq} of epoch ${epoch} was committed by ${owner}, not by ${reigning}`,
      );
    if (row.byKey.has(key)) this.#violate(6, `${channel} has ${id} of ${sender} twice: at ${seq} too`);
    const why = this.#denied.get(`${channel}\n${key}`);
    if (why !== undefined)
      this.#violate(6, `${channel} stored ${id} of ${sender}, which was answered ${why}`);
    if ((this.#sentAt.get(`${channel}\n${key}`) ?? -Infinity) > this.removedAt(channel, sender))
      this.#violate(3, `${channel} stored ${id}, which ${sender} sent without the right to (JW7)`);
    const committed: Committed = {
      seq,
      id,
      sender,
      content,
      data,
      epoch,
      timestamp: isoTime(at),
      committedAt: this.#timeline.now,
    };
    this.size++;
    row.head = seq;
    row.entries.set(seq, committed);
    row.byKey.set(key, committed);
  }

  #repeated({ channel, entry: { sender, id } }: AppendRequest, seq: number): void {
    const first = this.find(channel, sender, id);
    if (first?.seq !== seq)
      this.#violate(7, `${channel} calls ${id} of ${sender} a repeat of ${seq}, but it is at ${first?.seq}`);
  }

  claimed({ owner, claims }: ClaimRequest, granted: StoreCalls['claim']['reply'], before: Before): void {
    for (const { channel, mode, epoch: asked } of claims) {
      const claimed = granted.get(channel);
      if (!claimed || claimed === 'busy') continue;
      const known = before.get(channel);
      if (mode === 'settle' && (known?.epoch !== asked || known.owner !== owner)) {
        this.#violate(
          9,
          `${owner} settled ${channel} from its epoch ${asked}, but it was ${known?.owner}'s at ${known?.epoch}`,
        );
      }
      this.#checkClaim(channel, owner, claimed);
    }
  }

  deleted(
    { room, owner, epoch }: StoreCalls['deleteRoom']['request'],
    claimed: StoreCalls['deleteRoom']['reply'],
  ): void {
    if (!claimed) return;
    const row = this.row(`room:${room}`);
    if (row.epoch !== epoch || (epoch > 0 && row.owners.get(epoch) !== owner))
      this.#violate(9, `${owner} deleted ${room} from its epoch ${epoch}, but it is at ${row.epoch}`);
    this.#checkClaim(`room:${room}`, owner, claimed);
    this.bans.deleted(`room:${room}`);
    this.#forget(row);
  }

  /** The messages of a deleted room are removed. Since then only a rival may have written to it. */
  emptied(room: string): void {
    const row = this.row(`room:${room}`);
    for (let seq = row.deletedTo + 1; seq <= row.head; seq++) {
      const { sender, id } = row.entries.get(seq) ?? { sender: '', id: '' };
      if (!sender.startsWith('svc:'))
        this.#violate(
          6,
          `${id} of ${sender} was stored in ${room} after its deletion, at ${seq}, and is removed`,
        );
    }
    this.#forget(row);
  }

  #forget(row: Row): void {
    row.byKey.clear();
    row.deletedTo = row.head;
  }

  // --- rights (JW4)

  /** A removal is confirmed. From now on that user must not be shown any new message. */
  removed(channel: Channel, user: string): void {
    this.#removals = new Map([...this.#removals, [`${channel}\n${user}`, this.#timeline.now]]);
  }

  /** The user may be a member again. */
  admitted(channel: Channel, user: string): void {
    const key = `${channel}\n${user}`;
    this.#removals = new Map([...this.#removals].filter(([known]) => known !== key));
  }

  /** From when the user must not get anything of the channel, because they were removed or banned (JW7). */
  removedAt(channel: Channel, user: string): number {
    const removedAt = this.#removals.get(`${channel}\n${user}`) ?? Infinity;
    return Math.min(removedAt, this.bans.since(channel, user));
  }

  /** A client sends a message. The first time counts. */
  isSent(channel: Channel, user: string, id: string, at: number): void {
    const key = `${channel}\n${keyOf(user, id)}`;
    if (!(at >= (this.#sentAt.get(key) ?? Infinity))) this.#sentAt.set(key, at);
  }

  #checkClaim(channel: Channel, owner: string, { epoch, head }: Claimed): void {
    const row = this.row(channel);
    if (epoch !== row.epoch + 1) this.#violate(9, `${channel} went from epoch ${row.epoch} to ${epoch}`);
    if (head !== row.head) this.#violate(1, `a claim of ${channel} got head ${head}, but it is ${row.head}`);
    row.epoch = epoch;
    row.owners.set(epoch, owner);
  }
}
