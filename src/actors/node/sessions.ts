import type { Answered, Behaviour, TimerFired, Turn } from '../../runtime/ports/actor.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { SessionFinding } from '../../runtime/ports/revocations.ts';
import { standingUnder, type Revocation, type SessionKey } from '../../protocol/revocation.ts';
import { LOG } from '../messages/log.ts';
import type { ConnectionAddress } from '../messages/connection.ts';
import { RecentChanges } from '../kit/recent-changes.ts';
import {
  SESSIONS,
  type Ended,
  type Kept,
  type SessionsElsewhere,
  type SessionsMessage,
  type StandingNow,
  type Watched,
} from '../messages/node.ts';
import { answerFor } from '../kit/answers.ts';
import { Effects } from '../kit/effects.ts';
import { Dismissal } from './dismissal.ts';
import { NewerLosses } from './newer-losses.ts';
import { valueIn, type RoundContext, type SessionsContext } from './sessions-context.ts';

export interface SessionsOptions {
  /** This node and this run of it. */
  readonly incarnation: Incarnation;
  /** The heartbeat interval: every session is looked at once in it (JW3). */
  readonly intervalMs: number;
  readonly deadlineMs: number;
  /** The longest a token can live: so long a revocation is kept. */
  readonly tokenTtlMaxMs: number;
  /** Other nodes have connections of the same users. */
  readonly isClustered?: boolean;
}

/** Keys of one read. */
const KEYS_MAX = 1_000;

/** Revocations that are over are removed this often, so many at a time. */
const PRUNE_MS = 600_000;
const PRUNED_MAX = 1_000;

/**
 * The last `exp` of a token that a revocation refuses is this much further away: its undecided seconds, and the leeway
 * of tokens.
 */
const KEPT_LONGER_MS = 15_000;

/**
 * The sessions of all connections of this node, looked up together (JW3). The store knows them; this only asks. Since
 * it knows all connections, it also sends them away at a drain, each with its own time to come back (D15).
 */
class Sessions {
  readonly #options: SessionsOptions;
  readonly #watched = new Map<ConnectionAddress, Watched>();
  /** A connection whose session was looked up earlier may ask to be watched later. */
  readonly #recent = new RecentChanges();
  #prunedAt = -Infinity;
  readonly #newer: NewerLosses;
  readonly #dismissal = new Dismissal();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#newer = new NewerLosses(options);
  }

  take(message: SessionsMessage | TimerFired | Answered<SessionsContext>, turn: Turn): Effects {
    const out = new Effects();
    switch (message.type) {
      case 'watch':
        this.#watch(message.address, message, turn, out);
        break;
      case 'unwatch':
        this.#watched.delete(message.address);
        this.#dismissal.left(this.#watched, out);
        break;
      case 'recheck':
        this.#tellOthers({ ...message, type: 'recheckElsewhere' }, out);
        this.#recheck(message, turn, out);
        break;
      case 'recheckElsewhere':
        this.#recheck(message, turn, out);
        break;
      case 'newestLoss':
        this.#newer.newest(message.number, out);
        break;
      case 'revokedElsewhere':
        this.#revoked(message, message, turn, out);
        break;
      case 'unrevokedElsewhere':
        this.#recent.unrevoked(message);
        break;
      case 'lookAgain':
        out.reply(
          turn.replyTo,
          message.of.map((kept) => this.#standing(kept, turn.now)),
        );
        break;
      case 'dismiss':
        this.#dismissal.begin(turn.replyTo, this.#watched, out);
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
        this.#answered(message, turn, out);
        break;
    }
    return out;
  }

  /** A recheck of a room goes to the connections in it, and one of all rooms to all. */
  #recheck({ user, room }: RecheckWhom, turn: Turn, out: Effects): void {
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

  #watch(
    address: ConnectionAddress,
    { key, rights, since, expiresAt }: Watched,
    turn: Turn,
    out: Effects,
  ): void {
    // Its handshake was under way when the others were sent away.
    const known = this.#watched.get(address);
    if (!known) this.#dismissal.came(address, out);
    // The time when it was opened may be known by now.
    const openedAt = key.openedAt ?? known?.key.openedAt;
    const dated = openedAt === key.openedAt ? key : { ...key, openedAt };
    const watched = { key: dated, rights, since, expiresAt };
    this.#watched.set(address, watched);
    if (this.#recent.standing(watched.key, turn.now) !== 'good') out.tell(address, { type: 'revoked' });
  }

  #startRound(turn: Turn, out: Effects): void {
    // Timers do not follow a wall clock that is set.
    for (const [address, { expiresAt }] of this.#watched)
      if (expiresAt <= turn.wall) out.tell(address, { type: 'outlived' });
    this.#lookUp([...this.#watched], out);
    if (turn.now - this.#prunedAt >= PRUNE_MS) this.#prune(turn, out);
  }

  #lookUp(watched: readonly (readonly [ConnectionAddress, Watched])[], out: Effects): void {
    const { deadlineMs } = this.#options;
    for (let at = 0; at < watched.length; at += KEYS_MAX) {
      const some = watched.slice(at, at + KEYS_MAX);
      const addresses = some.map(([address]) => address);
      const keys = some.map(([, { key }]) => key);
      const context: SessionsContext = { for: 'round', addresses, keys };
      out.ask(LOG, { type: 'call', request: { call: 'revoked', sessions: keys } }, { deadlineMs, context });
    }
  }

  #prune(turn: Turn, out: Effects): void {
    this.#prunedAt = turn.now;
    const { deadlineMs } = this.#options;
    const request = { call: 'pruneRevocations', limit: PRUNED_MAX } as const;
    const context: SessionsContext = { for: 'prune' };
    out.ask(LOG, { type: 'call', request }, { deadlineMs, context });
  }

  #revoke(message: SessionsMessage & { type: 'revoke' }, { replyTo }: Turn, out: Effects): void {
    const { user, session, before, isLasting } = message;
    const { deadlineMs, tokenTtlMaxMs } = this.#options;
    const keepMs = isLasting ? null : tokenTtlMaxMs + KEPT_LONGER_MS;
    const request = { call: 'revoke', user, session, before, keepMs } as const;
    const context: SessionsContext = { for: 'revoke', replyTo, user, session, before };
    out.ask(LOG, { type: 'call', request }, { deadlineMs, context });
  }

  #unrevoke(
    { user, session }: SessionsMessage & { type: 'unrevoke' },
    { replyTo }: Turn,
    out: Effects,
  ): void {
    const { deadlineMs } = this.#options;
    const context: SessionsContext = { for: 'unrevoke', replyTo, user, session };
    out.ask(LOG, { type: 'call', request: { call: 'unrevoke', user, session } }, { deadlineMs, context });
  }

  #answered({ context, answer }: Answered<SessionsContext>, turn: Turn, out: Effects): void {
    switch (context.for) {
      case 'revoke': {
        const ended = valueIn(answerFor(context, answer));
        out.reply(context.replyTo, ended ?? false);
        if (!ended) return;
        const { user, session, before } = context;
        this.#tellOthers({ type: 'revokedElsewhere', user, session, before, at: ended.at }, out);
        return this.#revoked(context, ended, turn, out);
      }
      case 'unrevoke': {
        const wasThere = valueIn(answerFor(context, answer));
        out.reply(context.replyTo, wasThere ?? null);
        if (wasThere === undefined) return;
        const { user, session } = context;
        this.#tellOthers({ type: 'unrevokedElsewhere', user, session }, out);
        return this.#recent.unrevoked(context);
      }
      case 'newer':
        for (const one of this.#newer.read(context, valueIn(answerFor(context, answer)), out))
          this.#revoked(one, one, turn, out);
        return;
      case 'prune':
        // More of them: with the next round.
        if ((valueIn(answerFor(context, answer)) ?? 0) >= PRUNED_MAX) this.#prunedAt = -Infinity;
        return;
      case 'round': {
        const findings = valueIn(answerFor(context, answer));
        if (findings) this.#found(context, findings, turn, out);
      }
    }
  }

  #found(
    { addresses, keys }: RoundContext,
    findings: readonly SessionFinding[],
    turn: Turn,
    out: Effects,
  ): void {
    const dated: [ConnectionAddress, Watched][] = [];
    for (const [at, { standing, at: foundAt }] of findings.entries()) {
      const address = addresses[at] as ConnectionAddress;
      const watched = this.#watched.get(address);
      // A refreshed token is another session: the finding is about the old one.
      if (!watched || watched.key !== keys[at]) continue;
      // No handshake lets an undecided session in: the look-up failed, or came too early.
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

  /** The other nodes of the cluster. */
  #tellOthers(message: SessionsElsewhere, out: Effects): void {
    if (this.#options.isClustered) out.add({ type: 'publish', to: SESSIONS, nodes: 'others', message });
  }

  /** The connections of this node hear of it at once. */
  #revoked(revocation: Omit<Revocation, 'at'>, { at }: Ended, turn: Turn, out: Effects): void {
    const { user, session, before } = revocation;
    const made = { user, session, before, at };
    this.#recent.revoked(made, turn.now);
    for (const [address, { key }] of this.#watched)
      if (isEndedBy(made, key)) out.tell(address, { type: 'revoked' });
  }
}

type RecheckWhom = Pick<SessionsMessage & { type: 'recheck' }, 'user' | 'room'>;

/** Whether an open connection has to go: one that is undecided should not have been let in. */
function isEndedBy(revocation: Revocation, key: SessionKey): boolean {
  return standingUnder(revocation, key) !== 'good';
}

export function sessionsBehaviour(
  options: SessionsOptions,
): Behaviour<Sessions, SessionsMessage, undefined, SessionsContext> {
  return {
    kind: 'sessions',
    mailboxMax: 65_536,
    supervision: 'restart',
    placement: 'node',
    start: ({ restarted }) => {
      const out = new Effects();
      out.arm('round', options.intervalMs);
      if (restarted) out.add({ type: 'tellLocalKind', kind: 'conn', message: { type: 'sessionsRestarted' } });
      return [new Sessions(options), out.effects];
    },
    step: (sessions, message, turn) => sessions.take(message, turn).effects,
  };
}
