import { randomBytes } from 'node:crypto';
import { openRedis, type RedisClient, type RedisPlace, type Subscription } from './redis-client.ts';
import type { Telemetry } from '../../runtime/ports/telemetry.ts';

const TICK_MS = 100;
const PROBE_EVERY_MS = 1_000;

/** Without a probe that came back for this long, there is no way. */
const HEARD_MS = 3_000;

/** A remedy has this long to help before the next one is tried. */
const REMEDY_MS = 2_500;

/** The same trouble is logged once in this time. */
const LOG_EVERY_MS = 60_000;

/** Answers of Redis that no retry changes, by how they begin. */
const REFUSALS = /^(WRONGPASS|NOAUTH|NOPERM|ERR (AUTH|invalid password)|invalid username-password)/i;

/**
 * Whether a line works. `deaf`: Redis takes what this process publishes, and does not give it back. `away`: it does not even
 * take it.
 */
export type LineState = 'up' | 'deaf' | 'away';

export interface LineOptions {
  readonly place: RedisPlace;
  readonly subscription: Subscription;
  /** The channel of the probe, which the subscription has. */
  readonly probe: string;
  /** What the log calls the line, by the programs at its other end. */
  readonly to: string;
  readonly telemetry: Telemetry;
}

export interface LineEvents {
  /** A text that this process did not send as a probe. */
  received(channel: string, text: string): void;
  /** About ten times a second. */
  tick(): void;
}

/**
 * A client of Redis that shows that it hears.
 *
 * - A probe goes to the process itself every second, by the very client that subscribes. Nothing else shows that a subscription
 *   is alive: neither what PUBLISH answers, nor that a driver is `ready`.
 * - A probe that stays away has the subscription made anew, then the client replaced, in turn, until one comes back.
 */
export class RedisLine {
  readonly #options: LineOptions;
  readonly #events: LineEvents;
  readonly #timer: NodeJS.Timeout;
  /** A word that only this process knows, and the number of the last probe. */
  readonly #word = randomBytes(12).toString('base64url');
  #client: RedisClient | undefined;
  #probes = 0;
  #probedAt = -Infinity;
  #heardAt = -Infinity;
  /** When Redis has last taken a probe. */
  #takenAt = -Infinity;
  #remediedAt = performance.now();
  #isClientNext = false;
  #wasUp: boolean | undefined;
  readonly #loggedAt = new Map<string, number>();

  constructor(options: LineOptions, events: LineEvents) {
    this.#options = options;
    this.#events = events;
    this.#open();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get isUp(): boolean {
    return performance.now() - this.#heardAt < HEARD_MS;
  }

  get state(): LineState {
    if (this.isUp) return 'up';
    return performance.now() - this.#takenAt < HEARD_MS ? 'deaf' : 'away';
  }

  /** Calls `done` once, within 2 s: whether Redis has taken the text. */
  publish(channel: string, text: string, done: (isPublished: boolean) => void): void {
    this.#settle(this.#publish(channel, text), done);
  }

  /** Sets fields of a hash, which then lives for so long. `done`: {@link publish}. */
  setHash(
    key: string,
    fields: Readonly<Record<string, string | number>>,
    ttlMs: number,
    done: (isSet: boolean) => void,
  ): void {
    this.#settle(this.#client?.setHash(key, fields, ttlMs) ?? Promise.reject(new Error(NO_CLIENT)), done);
  }

  /** Nothing comes or goes any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#client?.end();
    this.#client = undefined;
  }

  #publish(channel: string, text: string): Promise<unknown> {
    return this.#client?.publish(channel, text) ?? Promise.reject(new Error(NO_CLIENT));
  }

  #settle(call: Promise<unknown>, done: (isDone: boolean) => void): void {
    call.then(
      () => done(true),
      (error: unknown) => {
        this.#options.telemetry.count('redis_failed', 1);
        this.#refused(error as Error);
        done(false);
      },
    );
  }

  // --- the client

  #open(): void {
    const client = openRedis(this.#options.place, this.#options.subscription, {
      ready: () => {
        if (this.#client === client) void this.#begin(client);
      },
      message: (channel, text) => {
        if (this.#client === client) this.#received(channel, text);
      },
      error: (error) => this.#failed(error),
    });
    this.#client = client;
  }

  async #begin(client: RedisClient): Promise<void> {
    try {
      await client.subscribe();
      this.#probe();
      if (await client.isReplica())
        this.#say(
          'replica',
          'error',
          'Redis is a read-only replica: nodes on its master cannot hear this one',
          {},
        );
    } catch (error) {
      this.#refused(error as Error);
    }
  }

  #received(channel: string, text: string): void {
    if (channel !== this.#options.probe) return this.#events.received(channel, text);
    const probe = `probe ${this.#word} `;
    if (!text.startsWith(probe)) return this.#events.received(channel, text);
    this.#heardAt = performance.now();
    this.#isClientNext = false;
    this.#options.telemetry.count('redis_probe_heard', 1);
  }

  // --- time

  #tick(): void {
    const now = performance.now();
    if (now - this.#probedAt >= PROBE_EVERY_MS) this.#probe();
    if (now - Math.max(this.#heardAt, this.#remediedAt) >= REMEDY_MS) this.#remedy();
    this.#sayIfChanged();
    this.#events.tick();
  }

  #probe(): void {
    this.#probedAt = performance.now();
    this.#publish(this.#options.probe, `probe ${this.#word} ${++this.#probes}`).then(
      () => (this.#takenAt = performance.now()),
      (error: unknown) => this.#refused(error as Error),
    );
  }

  #remedy(): void {
    const { telemetry } = this.#options;
    this.#remediedAt = performance.now();
    telemetry.count('redis_probe_missed', 1);
    const client = this.#client;
    if (this.#isClientNext) {
      telemetry.count('redis_remedy_client', 1);
      this.#client = undefined;
      client?.end();
      this.#open();
    } else if (client) {
      telemetry.count('redis_remedy_subscription', 1);
      const again = (): Promise<void> => this.#begin(client);
      client.unsubscribe().then(again, again);
    }
    this.#isClientNext = !this.#isClientNext;
  }

  // --- the log

  #sayIfChanged(): void {
    const { isUp } = this;
    // At the start it is not up yet.
    if (isUp === (this.#wasUp ?? false)) return;
    const { telemetry, to } = this.#options;
    if (this.#wasUp !== undefined || isUp)
      telemetry.log(isUp ? 'info' : 'warn', isUp ? 'Redis reached' : 'Redis lost', { to });
    this.#wasUp = isUp;
  }

  /** A connection that failed, or could not be made. */
  #failed(error: Error): void {
    if (!this.#refused(error)) this.#say('failure', 'warn', 'Redis failed', { message: error.message });
  }

  /** Says what no retry changes. That a command was cut off the driver says itself. */
  #refused({ message }: Error): boolean {
    const isRefusal = REFUSALS.test(message);
    if (isRefusal) this.#say('refusal', 'error', 'Redis refuses this node: check REDIS_URL', { message });
    return isRefusal;
  }

  #say(
    what: string,
    level: 'warn' | 'error',
    event: string,
    details: Readonly<Record<string, unknown>>,
  ): void {
    if (performance.now() - (this.#loggedAt.get(what) ?? -Infinity) < LOG_EVERY_MS) return;
    this.#loggedAt.set(what, performance.now());
    this.#options.telemetry.log(level, event, { to: this.#options.to, ...details });
  }
}

const NO_CLIENT = 'there is no client';
