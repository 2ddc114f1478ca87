import type { Config } from '../config/index.ts';
import type { Announcer } from '../runtime/ports/announcer.ts';
import type { Placement } from '../runtime/ports/placement.ts';
import type { Telemetry } from '../runtime/ports/telemetry.ts';
import type { ActorSystem } from '../runtime/system.ts';
import { RedisAnnouncer } from '../transport/bus/redis-announcer.ts';
import type { RedisPlace, Subscription } from '../transport/bus/redis-client.ts';
import { RedisLine } from '../transport/bus/redis-line.ts';
import { Ingress } from './ingress.ts';

/** Other programs on the same Redis: what they publish is taken in, and what is stored is published for them (RC1, RC2, LC4). */
export class OtherPrograms {
  readonly #line: RedisLine;
  readonly #placement: Placement;
  readonly #telemetry: Telemetry;
  readonly #prefix: string;
  readonly announcer: Announcer;
  #ingress: Ingress | undefined;

  constructor(config: Config, place: RedisPlace, placement: Placement, telemetry: Telemetry) {
    const { node, redisIngress, redisEgress, redisPrefix: prefix, redisChannelPrefix = '' } = config;
    this.#placement = placement;
    this.#telemetry = telemetry;
    this.#prefix = redisChannelPrefix;
    const probe = `${prefix}probe:${placement.self}`;
    const subscription = redisIngress
      ? publicOf(redisChannelPrefix, probe)
      : { channels: [probe], patterns: [] };
    const to = 'other programs';
    this.#line = new RedisLine(
      { place, subscription, probe, to, telemetry },
      { received: (name, text) => this.#ingress?.received(name, text), tick: () => announcer.tick() },
    );
    const egressPrefix = redisEgress ? redisChannelPrefix : undefined;
    const announcer = new RedisAnnouncer({ line: this.#line, node, prefix, egressPrefix, telemetry });
    this.announcer = announcer;
  }

  /** Takes in what they publish, from now on. */
  open(system: ActorSystem): void {
    const [placement, telemetry] = [this.#placement, this.#telemetry];
    this.#ingress = new Ingress({ system, placement, telemetry, prefix: this.#prefix });
  }

  close(): void {
    this.#line.close();
  }
}

function publicOf(prefix: string, probe: string): Subscription {
  // In a pattern these characters stand for others.
  const literal = prefix.replaceAll(/[\\*?[\]]/g, String.raw`\$&`);
  return { channels: [probe, `${prefix}broadcast`], patterns: [`${literal}room:*`, `${literal}user:*`] };
}
