import type { Answer, Answered, Behaviour, ReplyTo, TimerFired, Turn } from '../runtime/ports/actor.ts';
import type { SessionFinding, StoreRequest } from '../runtime/ports/log-store.ts';
import { standingUnder, type Revocation, type SessionKey } from '../protocol/revocation.ts';
import { LOG, type ConnectionAddress, type LogReply } from './messages.ts';
import { RecentChanges } from './recent-changes.ts';
import type { Ended, Kept, SessionsMessage, StandingNow, Watched } from './services.ts';
import { Outbox } from './outbox.ts';

export interface SessionsOptions {
  /** The heartbeat interval: every session is looked at once in it (JW3). */
  readonly intervalMs: number;
  readonly deadlineMs: number;
  /** The longest a token can live: so long a revocation is kept. */
  readonly tokenTtlMaxMs: number;
}

/** Keys of one read. */
const KEYS_MAX = 1_000;

/** Clients come back this far apart after a drain: 500 a second, half of what one core can let in. */
const SLOT_MS = 2;

/** The first comes back after this: a process needs as long to be there again. */
const FIRST_SLOT_MS = 500;

/** Revocations that are over are removed this often, so many at a time. */
const PRUNE_MS = 600_000;
const PRUNED_MAX = 1_000;

/** The last `exp` of what a revocation refuses is this much further away: its undecided seconds, and the leeway of tokens. */
const KEPT_LONGER_MS = 15_000;

type SessionsContext =
  | {
      readonly for: 'round';
      readonly addresses: readonly ConnectionAddress[];
      readonly keys: readonly SessionKey[];
    }
  | ({ readonly for: 'revoke'; readonly replyTo: ReplyTo | undefined } & Omit<Revocation, 'at'>)
  | ({ readonly for: 'unrevoke'; readonly replyTo: ReplyTo | undefined } & Pick<
      Revocation,
      'user' | 'session'
    >)
  | { readonly for: 'prune' };

/**
 * The sessions of all connections of this node, looked up together (JW3): the store knows, this only asks.
 * Who knows all connections also tells them to go, each with its own time to come back (D15).
 */
class Sessions {
  readonly #options: SessionsOptions;
  readonly #watched = new Map<ConnectionAddress, Watched>();
  /** A connection whose session was looked up before may come to be watched after. */
  readonly #recent = new RecentChanges();
  #prunedAt = -Infinity;
  /** Slots given to those who were told to go; undefined while nobody was. */
  #slots: number | undefined;
  /** Who waits for the last connection to be gone. */
  #dismissers: ReplyTo[] = [];

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  take(message: SessionsMessage | TimerFired | Answered, turn: Turn): Outbox {
    const out = new Outbox();
    switch (message.type) {
      case 'watch':
        this.#watch(message.address, message, turn, out);
        break;
      case 'unwatch':
        this.#watched.delete(message.address);
        this.#tellIfAllLeft(out);
        break;
      case 'recheck':
        this.#recheck(message, turn, out);
        break;
      case 'lookAgain':
        out.reply(
          turn.replyTo,
          message.of.map((kept) => this.#standing(kept, turn.now)),
        );
        break;
      case 'dismiss':
        this.#dismiss(turn.replyTo, out);
        break;
      case 'revoke':
        this.#revoke(message, turn, out);
        break;
      case 'unrevoke':
        this.#unrevoke(message, turn, out);
        break;
      case 'timer':
        this.#startRound(turn, out);
        out.arm('round', this.#options.intervalMs);
        break;
      case 'answer':
        this.#answered(message.context as SessionsContext, message.answer, turn, out);
        break;
    }
    return out;
  }

  /** Who is in a room hears of what is meant for it there, and everybody of what is meant for all. */
  #recheck({ user, room }: SessionsMessage & { type: 'recheck' }, turn: Turn, out: Outbox): void {
    this.#recent.rechecked(user, room, turn.now);
    if (user === undefined || room !== undefined) return;
    for (const [address, { key }] of this.#watched)
      if (key.user === user) out.tell(address, { type: 'recheck' });
  }

  #standing(kept: Kept, now: number): StandingNow {
    const watched = kept.address === undefined ? undefined : this.#watched.get(kept.address);
    return {
      standing: this.#recent.standing(watched?.key ?? kept.key, now),
      rights: watched?.rights,
      isDoubted: this.#recent.isDoubted(kept),
    };
  }

  #dismiss(replyTo: ReplyTo | undefined, out: Outbox): void {
    if (replyTo) this.#dismissers.push(replyTo);
    this.#slots ??= 0;
    for (const address of this.#watched.keys()) this.#tellToGo(address, out);
    this.#tellIfAllLeft(out);
  }

  #tellToGo(address: ConnectionAddress, out: Outbox): void {
    const slot = this.#slots ?? 0;
    this.#slots = slot + 1;
    out.tell(address, { type: 'drain', retryAfterMs: FIRST_SLOT_MS + slot * SLOT_MS });
  }

  #tellIfAllLeft(out: Outbox): void {
    if (this.#watched.size > 0) return;
    for (const dismisser of this.#dismissers.splice(0)) out.reply(dismisser, {});
  }

  #watch(
    address: ConnectionAddress,
    { key, rights, since, expiresAt }: Watched,
    turn: Turn,
    out: Outbox,
  ): void {
    // Whose handshake was under way when all others were told.
    const known = this.#watched.get(address);
    if (this.#slots !== undefined && !known) this.#tellToGo(address, out);
    // When it was opened may have been found out since.
    const openedAt = key.openedAt ?? known?.key.openedAt;
    const watched = { key: { ...key, openedAt }, rights, since, expiresAt };
    this.#watched.set(address, watched);
    if (this.#recent.standing(watched.key, turn.now) !== 'good') out.tell(address, { type: 'revoked' });
  }

  #startRound(turn: Turn, out: Outbox): void {
    // Timers do not follow a wall clock that is set.
    for (const [address, { expiresAt }] of this.#watched)
      if (expiresAt <= turn.wall) out.tell(address, { type: 'outlived' });
    this.#lookUp([...this.#watched], out);
    if (turn.now - this.#prunedAt >= PRUNE_MS) this.#prune(turn, out);
  }

  #lookUp(watched: readonly (readonly [ConnectionAddress, Watched])[], out: Outbox): void {
    for (let at = 0; at < watched.length; at += KEYS_MAX) {
      const some = watched.slice(at, at + KEYS_MAX);
      const addresses = some.map(([address]) => address);
      const keys = some.map(([, { key }]) => key);
      this.#call({ call: 'revoked', sessions: keys }, { for: 'round', addresses, keys }, out);
    }
  }

  #prune(turn: Turn, out: Outbox): void {
    this.#prunedAt = turn.now;
    this.#call({ call: 'pruneRevocations', limit: PRUNED_MAX }, { for: 'prune' }, out);
  }

  #revoke(message: SessionsMessage & { type: 'revoke' }, { replyTo }: Turn, out: Outbox): void {
    const { user, session, before, isLasting } = message;
    const keepMs = isLasting ? null : this.#options.tokenTtlMaxMs + KEPT_LONGER_MS;
    const context: SessionsContext = { for: 'revoke', replyTo, user, session, before };
    this.#call({ call: 'revoke', user, session, before, keepMs }, context, out);
  }

  #unrevoke({ user, session }: SessionsMessage & { type: 'unrevoke' }, { replyTo }: Turn, out: Outbox): void {
    this.#call({ call: 'unrevoke', user, session }, { for: 'unrevoke', replyTo, user, session }, out);
  }

  #call(request: StoreRequest, context: SessionsContext, out: Outbox): void {
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#options.deadlineMs, context });
  }

  #answered(context: SessionsContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    const reply = answer.ok ? (answer.body as LogReply<unknown>) : undefined;
    const value = reply?.ok ? reply.value : undefined;
    switch (context.for) {
      case 'revoke':
        out.reply(context.replyTo, value ?? false);
        return value === undefined ? undefined : this.#revoked(context, value as Ended, turn, out);
      case 'unrevoke':
        out.reply(context.replyTo, value ?? null);
        if (value !== undefined) this.#recent.unrevoked(context);
        return;
      case 'prune':
        // More of them: with the next round.
        if (value === PRUNED_MAX) this.#prunedAt = -Infinity;
        return;
      case 'round':
        if (value !== undefined) this.#found(context, value as readonly SessionFinding[], turn, out);
    }
  }

  #found(
    { addresses, keys }: SessionsContext & { for: 'round' },
    findings: readonly SessionFinding[],
    turn: Turn,
    out: Outbox,
  ): void {
    const dated: [ConnectionAddress, Watched][] = [];
    for (const [at, { standing, at: foundAt }] of findings.entries()) {
      const address = addresses[at] as ConnectionAddress;
      const watched = this.#watched.get(address);
      // A refreshed token is another session: what was found is about the old one.
      if (!watched || watched.key !== keys[at]) continue;
      // No handshake lets in what is undecided: the look-up could not be made, or came too early.
      if (standing !== 'good') out.tell(address, { type: 'revoked' });
      else if (watched.key.openedAt === undefined)
        dated.push([address, this.#date(address, watched, foundAt, turn)]);
    }
    this.#lookUp(dated, out);
  }

  /** The store could not be asked when the connection was opened: how long ago that was is known. */
  #date(address: ConnectionAddress, watched: Watched, foundAt: number, turn: Turn): Watched {
    const openedAt = Math.floor(foundAt - (turn.now - watched.since));
    const dated = { ...watched, key: { ...watched.key, openedAt } };
    this.#watched.set(address, dated);
    return dated;
  }

  /** Those of this node hear of it at once. */
  #revoked(revocation: Omit<Revocation, 'at'>, { at }: Ended, turn: Turn, out: Outbox): void {
    const { user, session, before } = revocation;
    const made = { user, session, before, at };
    this.#recent.revoked(made, turn.now);
    for (const [address, { key }] of this.#watched)
      if (isEndedBy(made, key)) out.tell(address, { type: 'revoked' });
  }
}

/** Whether an open connection has to go: one that is undecided should not have been let in. */
function isEndedBy(revocation: Revocation, key: SessionKey): boolean {
  return standingUnder(revocation, key) !== 'good';
}

export function sessionsBehaviour(options: SessionsOptions): Behaviour<Sessions, SessionsMessage> {
  return {
    kind: 'sessions',
    mailboxMax: 65_536,
    supervision: 'restart',
    placement: 'node',
    start: ({ restarted }) => {
      const out = new Outbox();
      out.arm('round', options.intervalMs);
      if (restarted) out.add({ type: 'tellAll', kind: 'conn', message: { type: 'sessionsRestarted' } });
      return [new Sessions(options), out.effects];
    },
    step: (sessions, message, turn) => sessions.take(message, turn).effects,
  };
}
