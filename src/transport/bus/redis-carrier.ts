import { randomBytes } from 'node:crypto';
import { openRedis, type RedisClient, type RedisPlace } from './redis-client.ts';
import type { Carrier, CarrierEvents } from '../../runtime/ports/carrier.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
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
 * Whether other processes can be reached, and reach this one. `deaf`: Redis takes what this process publishes, and does not give
 * it back. `away`: it does not even take it.
 */
export type CarrierState = 'up' | 'deaf' | 'away';

export interface RedisCarrierOptions {
  readonly self: Incarnation;
  readonly place: RedisPlace;
  /** All keys and channels begin with it. */
  readonly prefix: string;
  readonly telemetry: Telemetry;
}

/**
 * Carries texts over pub/sub of Redis: each process has one channel, its inbox (D13).
 *
 * - A probe goes to the process itself every second, by the very client that subscribes. Nothing else shows that a subscription
 *   is alive: neither what PUBLISH answers, nor that a driver is `ready`.
 * - A probe that stays away has the inbox subscribed anew, then the client replaced, in turn, until one comes back.
 */
export class RedisCarrier implements Carrier {
  readonly #options: RedisCarrierOptions;
  readonly #inbox: string;
  #events: CarrierEvents | undefined;
  #client: RedisClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** A word that only this process knows, and the number of the last probe. */
  readonly #word = randomBytes(12).toString('base64url');
  #probes = 0;
  #probedAt = -Infinity;
  #heardAt = -Infinity;
  /** When Redis has last taken a probe. */
  #takenAt = -Infinity;
  #remediedAt = 0;
  #isClientNext = false;
  #wasUp: boolean | undefined;
  readonly #loggedAt = new Map<string, number>();

  constructor(options: RedisCarrierOptions) {
    this.#options = options;
    this.#inbox = this.#inboxOf(options.self);
  }

  connect(events: CarrierEvents): void {
    this.#events = events;
    this.#remediedAt = performance.now();
    this.#open();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get isUp(): boolean {
    return performance.now() - this.#heardAt < HEARD_MS;
  }

  get state(): CarrierState {
    if (this.isUp) return 'up';
    return performance.now() - this.#takenAt < HEARD_MS ? 'deaf' : 'away';
  }

  publish(inbox: Incarnation, text: string, done: (isPublished: boolean) => void): void {
    this.#publish(this.#inboxOf(inbox), text).then(
      () => done(true),
      (error: unknown) => {
        this.#options.telemetry.count('redis_failed', 1);
        this.#refused(error as Error);
        done(false);
      },
    );
  }

  /** Nothing comes or goes any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#client?.end();
    this.#client = undefined;
  }

  #inboxOf(incarnation: Incarnation): string {
    return `${this.#options.prefix}inbox:${incarnation}`;
  }

  #publish(channel: string, text: string): Promise<unknown> {
    return this.#client?.publish(channel, text) ?? Promise.reject(new Error('there is no client'));
  }

  // --- the client

  #open(): void {
    const client = openRedis(this.#options.place, {
      ready: () => {
        if (this.#client === client) void this.#begin(client);
      },
      message: (channel, text) => {
        if (this.#client === client && channel === this.#inbox) this.#received(text);
      },
      error: (error) => this.#failed(error),
    });
    this.#client = client;
  }

  async #begin(client: RedisClient): Promise<void> {
    try {
      await client.subscribe(this.#inbox);
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

  #received(text: string): void {
    const probe = `probe ${this.#word} `;
    if (!text.startsWith(probe)) return this.#events?.received(text);
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
    this.#events?.tick();
  }

  #probe(): void {
    this.#probedAt = performance.now();
    this.#publish(this.#inbox, `probe ${this.#word} ${++this.#probes}`).then(
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
      client.unsubscribe(this.#inbox).then(again, again);
    }
    this.#isClientNext = !this.#isClientNext;
  }

  // --- the log

  #sayIfChanged(): void {
    const { isUp } = this;
    // At the start it is not up yet.
    if (isUp === (this.#wasUp ?? false)) return;
    if (this.#wasUp !== undefined || isUp)
      this.#options.telemetry.log(isUp ? 'info' : 'warn', isUp ? 'Redis reached' : 'Redis lost', {});
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
    this.#options.telemetry.log(level, event, details);
  }
}
