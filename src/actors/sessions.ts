import type { Answer, Answered, Behaviour, ReplyTo, TimerFired, Turn } from '../runtime/ports/actor.ts';
import type { SessionKey } from '../runtime/ports/log-store.ts';
import { LOG, type ConnectionAddress, type LogReply } from './messages.ts';
import { type SessionsMessage } from './services.ts';
import { Outbox } from './outbox.ts';

export interface SessionsOptions {
  /** The heartbeat interval: every session is looked at once in it (JW3). */
  readonly intervalMs: number;
  readonly deadlineMs: number;
  /** The longest a token can live: so long a revocation is kept. */
  readonly tokenTtlMaxMs: number;
}

/** How long ago a connection's session may have been looked up when it comes to be watched: longer than any request. */
const RECENT_MS = 15_000;

/** Keys of one read. */
const KEYS_MAX = 1_000;

/** Clients come back this far apart after a drain: 500 a second, half of what one core can let in. */
const SLOT_MS = 2;

/** The first comes back after this: a process needs as long to be there again. */
const FIRST_SLOT_MS = 500;

type SessionsContext =
  | {
      readonly for: 'round';
      readonly addresses: readonly ConnectionAddress[];
      readonly keys: readonly SessionKey[];
    }
  | ({ readonly for: 'revoke'; readonly replyTo: ReplyTo | undefined } & Revocation);

/** A session, or all of a user's that were issued up to a second. */
interface Revocation {
  readonly user: string | null;
  readonly session: string | null;
  readonly second: number;
}

function isMeant({ user, session, second }: Revocation, key: SessionKey): boolean {
  const isUsers = user !== null && key.user === user && (key.issuedAt ?? 0) <= second;
  return isUsers || (session !== null && key.session === session);
}

/**
 * The sessions of all connections of this node, looked up together (JW3): the store knows, this only asks.
 * Who knows all connections also tells them to go, each with its own time to come back (D15).
 */
class Sessions {
  readonly #options: SessionsOptions;
  readonly #watched = new Map<ConnectionAddress, SessionKey>();
  /** Those of a moment ago: a connection whose session was looked up before may come to be watched after. */
  #recent: (Revocation & { readonly at: number })[] = [];
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
        this.#watch(message.address, message.key, turn, out);
        break;
      case 'unwatch':
        this.#watched.delete(message.address);
        this.#tellIfAllLeft(out);
        break;
      case 'recheck':
        for (const [address, { user }] of this.#watched)
          if (user === message.user) out.tell(address, { type: 'recheck' });
        break;
      case 'dismiss':
        this.#dismiss(turn.replyTo, out);
        break;
      case 'revoke':
        this.#revoke(message.user, message.session, turn, out);
        break;
      case 'timer':
        this.#startRound(out);
        out.arm('round', this.#options.intervalMs);
        break;
      case 'answer':
        this.#answered(message.context as SessionsContext, message.answer, turn, out);
        break;
    }
    return out;
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

  #watch(address: ConnectionAddress, key: SessionKey, turn: Turn, out: Outbox): void {
    // Whose handshake was under way when all others were told.
    if (this.#slots !== undefined && !this.#watched.has(address)) this.#tellToGo(address, out);
    this.#watched.set(address, key);
    this.#recent = this.#recent.filter(({ at }) => turn.now - at < RECENT_MS);
    if (this.#recent.some((revocation) => isMeant(revocation, key))) out.tell(address, { type: 'revoked' });
  }

  #startRound(out: Outbox): void {
    const watched = [...this.#watched];
    for (let at = 0; at < watched.length; at += KEYS_MAX) {
      const some = watched.slice(at, at + KEYS_MAX);
      const addresses = some.map(([address]) => address);
      const keys = some.map(([, key]) => key);
      const request = { call: 'revoked', sessions: keys } as const;
      const context: SessionsContext = { for: 'round', addresses, keys };
      out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#options.deadlineMs, context });
    }
  }

  #revoke(user: string | null, session: string | null, turn: Turn, out: Outbox): void {
    const second = Math.floor(turn.wall / 1_000);
    const until = turn.wall + this.#options.tokenTtlMaxMs;
    const request = { call: 'revoke', user, session, until, issuedBy: second } as const;
    const context: SessionsContext = { for: 'revoke', replyTo: turn.replyTo, user, session, second };
    out.ask(LOG, { type: 'call', request }, { deadlineMs: this.#options.deadlineMs, context });
  }

  #answered(context: SessionsContext, answer: Answer<unknown>, turn: Turn, out: Outbox): void {
    if (context.for === 'revoke') {
      const isStored = answer.ok && (answer.body as LogReply<null>).ok;
      out.reply(context.replyTo, isStored);
      return isStored ? this.#revoked(context, turn, out) : undefined;
    }
    const reply = answer as Answer<LogReply<readonly boolean[]>>;
    if (!reply.ok || !reply.body.ok) return;
    for (const [at, isRevoked] of reply.body.value.entries()) {
      const address = context.addresses[at];
      // A refreshed token is another session: what was found is about the old one.
      const isCurrent = address !== undefined && this.#watched.get(address) === context.keys[at];
      if (isRevoked && isCurrent) out.tell(address, { type: 'revoked' });
    }
  }

  /** Those of this node hear of it at once. */
  #revoked({ user, session, second }: Revocation, turn: Turn, out: Outbox): void {
    const revocation = { user, session, second, at: turn.now };
    this.#recent.push(revocation);
    for (const [address, key] of this.#watched)
      if (isMeant(revocation, key)) out.tell(address, { type: 'revoked' });
  }
}

export function sessionsBehaviour(options: SessionsOptions): Behaviour<Sessions, SessionsMessage> {
  return {
    kind: 'sessions',
    mailboxMax: 65_536,
    supervision: 'restart',
    isVirtual: true,
    start: ({ restarted }) => {
      const out = new Outbox();
      out.arm('round', options.intervalMs);
      if (restarted) out.add({ type: 'tellAll', kind: 'conn', message: { type: 'sessionsRestarted' } });
      return [new Sessions(options), out.effects];
    },
    step: (sessions, message, turn) => sessions.take(message, turn).effects,
  };
}
