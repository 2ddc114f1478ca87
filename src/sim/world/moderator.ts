import { EPOCH_MS } from '../kit/timeline.ts';
import { homeAddress, type SetBan } from '../../actors/messages/home.ts';
import { SESSIONS } from '../../actors/messages/node.ts';
import { roomChannel, type Channel } from '../../protocol/channels.ts';
import type { Revocation } from '../../protocol/revocation.ts';
import type { Answer } from '../../runtime/ports/actor.ts';
import { Random } from '../kit/random.ts';
import { OPEN_ROOMS, PRIVATE_ROOM } from '../kit/rooms.ts';
import type { Stage } from './stage.ts';

/** The interval between two acts, and from each act to its undoing. */
const ACTS_EVERY_MS = [3_000, 15_000] as const;
const TAKEN_BACK_MS = [500, 9_000] as const;

const ASK_MS = 10_000;

/**
 * How long a statement with a lost answer may still be carried out, or a statement of a process that stands still may be
 * sent.
 */
const LATE_MS = 15_000;
const UNSENT_LATE_MS = 40_000;

type Which = Pick<Revocation, 'user' | 'session'>;

/** A back end that bans users from rooms and ends their sessions, and undoes that later. Not every run has it. */
export class Moderator {
  readonly #stage: Stage;
  readonly #random: Random;
  /** Bans to undo at the end, each until the undoing is certain: a failover may restore an old ban. */
  readonly #banned = new Map<string, { readonly channel: Channel; readonly user: string }>();
  readonly #ended = new Map<string, Which>();
  /** The last request about each user, and uncertain requests to undo. These may be carried out at any time. */
  readonly #wishes = new Map<string, object>();
  readonly #loose = new Map<object, string>();
  /** Until when an uncertain request may be carried out. An earlier undoing proves nothing. */
  readonly #unsure = new Map<object, { readonly key: string; readonly until: number }>();
  #isOver = false;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#random = new Random(seed, 'moderator');
  }

  start(): void {
    if (this.#random.chance(0.6)) this.#next();
  }

  /** From here on the moderator only undoes. */
  stop(): void {
    this.#isOver = true;
  }

  /** Undoes every ban and revocation. */
  forgive(): void {
    for (const { channel, user } of this.#banned.values()) this.#setBan(channel, { type: 'unban', user });
    for (const which of this.#ended.values()) this.#unrevoke(which);
  }

  /** Bans and revocations whose undoing is not certain. */
  unforgiven(): string[] {
    return [...this.#banned.keys(), ...this.#ended.keys()].map((what) => `${what} is not taken back`);
  }

  /** The moderator just asked for this. */
  #mayCome(key: string, wish: object, forMs: number): void {
    this.#unsure.set(wish, { key, until: this.#stage.timeline.now + forMs });
  }

  /** The undoing is certain and final, by the request of that time. */
  #isSettled(key: string, askedAt: number): boolean {
    return this.#isOver && [...this.#unsure.values()].every((one) => one.key !== key || one.until < askedAt);
  }

  #next(): void {
    this.#stage.timeline.after(this.#random.delay(...ACTS_EVERY_MS), () => {
      if (this.#isOver) return;
      this.#act();
      this.#next();
    });
  }

  #act(): void {
    const random = this.#random;
    const { user } = random.pick(this.#stage.clients);
    const isTakenBack = random.chance(0.7);
    const afterMs = random.delay(...TAKEN_BACK_MS);
    const later = (run: () => void): void => {
      if (isTakenBack) this.#stage.timeline.after(afterMs, () => !this.#isOver && run());
    };
    if (random.chance(0.6)) {
      const channel = roomChannel(random.pick([...OPEN_ROOMS, PRIVATE_ROOM]));
      const until = random.chance(0.3) ? this.#now() + random.whole(1_000, 9_000) : null;
      this.#setBan(channel, { type: 'ban', user, until });
      return later(() => this.#setBan(channel, { type: 'unban', user }));
    }
    const which = random.chance(0.7) ? { user, session: null } : { user: null, session: `s-${user}` };
    const before = which.user !== null && random.chance(0.5) ? Math.floor(this.#now() / 1_000) : null;
    this.#revoke(which, before);
    later(() => this.#unrevoke(which));
  }

  /** The time by the database's clock. */
  #now(): number {
    return EPOCH_MS + Math.floor(this.#stage.timeline.now);
  }

  #setBan(channel: Channel, change: SetBan): void {
    const { node, log, trace } = this.#stage;
    const key = `the ban of ${change.user} from ${channel}`;
    if (change.type === 'ban') {
      this.#banned.set(key, { channel, user: change.user });
      this.#mayCome(key, change, UNSENT_LATE_MS);
    }
    const { failovers } = log;
    const askedAt = this.#stage.timeline.now;
    log.bans.asked(channel, change);
    const answered = (answer: Answer<unknown>): void => {
      const body = answer.ok ? (answer.body as { readonly error?: string }) : { error: 'unknown' };
      const isAbsent = body.error === 'not_found' || body.error === 'gone';
      const outcome = body.error === undefined ? 'done' : isAbsent ? 'not done' : 'unknown';
      if (change.type === 'ban' && outcome === 'unknown') this.#mayCome(key, change, LATE_MS);
      else if (change.type === 'ban') this.#unsure.delete(change);
      else if (outcome !== 'unknown' && this.#isSettled(key, askedAt)) this.#banned.delete(key);
      // A failover may have undone the change.
      if (log.failovers === failovers) log.bans.answered(channel, change, outcome);
    };
    node?.enter(() => {
      trace.say('moderator', () => `asks ${channel} to ${change.type} ${change.user}`);
      node.system.ask(homeAddress(channel), change, { deadlineMs: ASK_MS, lane: 'user' }, answered);
    });
  }

  #revoke({ user, session }: Which, before: number | null): void {
    const { node, log, trace } = this.#stage;
    const key = keyOf({ user, session });
    this.#ended.set(key, { user, session });
    const wish = {};
    this.#wishes.set(key, wish);
    this.#mayCome(key, wish, UNSENT_LATE_MS);
    const { failovers } = log;
    node?.enter(() => {
      trace.say('moderator', () => `asks for ${key}, before ${before}`);
      const message = { type: 'revoke', user, session, before, isLasting: false } as const;
      node.system.ask(SESSIONS, message, { deadlineMs: ASK_MS, lane: 'user' }, (answer) => {
        const done = answer.ok && answer.body !== false ? answer.body : undefined;
        if (!done) return this.#mayCome(key, wish, LATE_MS);
        this.#unsure.delete(wish);
        const isLast = this.#wishes.get(key) === wish && ![...this.#loose.values()].includes(key);
        // A failover may have undone the change.
        log.sessions.ended({ user, session, before, at: done.at }, isLast && log.failovers === failovers);
      });
    });
  }

  #unrevoke(which: Which): void {
    const { node, log, trace } = this.#stage;
    const key = keyOf(which);
    const wish = {};
    this.#wishes.set(key, wish);
    this.#loose.set(wish, key);
    const askedAt = this.#stage.timeline.now;
    log.sessions.takenBack(which);
    node?.enter(() => {
      trace.say('moderator', () => `takes back ${key}`);
      node.system.ask(
        SESSIONS,
        { type: 'unrevoke', ...which },
        { deadlineMs: ASK_MS, lane: 'user' },
        (answer) => {
          if (!answer.ok || answer.body === null) return;
          this.#loose.delete(wish);
          if (this.#isSettled(key, askedAt)) this.#ended.delete(key);
        },
      );
    });
  }
}

function keyOf({ user, session }: Which): string {
  return `the end of ${user ?? session}`;
}
