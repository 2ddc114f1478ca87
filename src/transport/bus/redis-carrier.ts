import type { RedisPlace } from './redis-client.ts';
import { RedisLine, type LineState } from './redis-line.ts';
import type { Carrier, CarrierEvents } from '../../runtime/ports/carrier.ts';
import type { Incarnation } from '../../runtime/ports/placement.ts';
import type { Telemetry } from '../../runtime/ports/telemetry.ts';

export interface RedisCarrierOptions {
  readonly self: Incarnation;
  readonly place: RedisPlace;
  /** All keys and channels begin with it. */
  readonly prefix: string;
  readonly telemetry: Telemetry;
}

/** Carries texts over pub/sub of Redis: each process has one channel, its inbox (D13). */
export class RedisCarrier implements Carrier {
  readonly #options: RedisCarrierOptions;
  #line: RedisLine | undefined;

  constructor(options: RedisCarrierOptions) {
    this.#options = options;
  }

  connect(events: CarrierEvents): void {
    const { self, place, telemetry } = this.#options;
    const inbox = this.#inboxOf(self);
    const subscription = { channels: [inbox], patterns: [] };
    this.#line = new RedisLine(
      { place, subscription, probe: inbox, to: 'nodes', telemetry },
      { received: (_, text) => events.received(text), tick: () => events.tick() },
    );
  }

  get isUp(): boolean {
    return this.#line?.isUp ?? false;
  }

  get state(): LineState {
    return this.#line?.state ?? 'away';
  }

  publish(inbox: Incarnation, text: string, done: (isPublished: boolean) => void): void {
    this.#line?.publish(this.#inboxOf(inbox), text, done);
  }

  /** Nothing comes or goes any more. */
  close(): void {
    this.#line?.close();
  }

  #inboxOf(incarnation: Incarnation): string {
    return `${this.#options.prefix}inbox:${incarnation}`;
  }
}
