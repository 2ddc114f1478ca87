import type { EdgeEffect, LostReason } from './ports/effects.ts';
import type { Announcer } from './ports/announcer.ts';
import type { Bus } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { Entropy } from './ports/entropy.ts';
import type { Hooks } from './ports/hooks.ts';
import type { Placement } from './ports/placement.ts';
import type { LogStore } from './ports/log-store.ts';
import type { Sockets } from './ports/sockets.ts';
import type { Telemetry } from './ports/telemetry.ts';
import type { TokenVerifier } from './ports/tokens.ts';

/** Everything that the core needs of the world (D17). Production and the simulator implement the same contract. */
export interface Ports {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly sockets: Sockets;
  readonly placement: Placement;
  readonly bus: Bus;
  readonly store: Pick<LogStore, 'call'>;
  readonly tokens: TokenVerifier;
  readonly hooks: Hooks;
  readonly telemetry: Telemetry;
  /** Tells other programs; a node of no cluster has none. */
  readonly announcer?: Announcer | undefined;
  /** Called when this process must not go on under its name; a node of no cluster needs none. */
  readonly onLost?: ((reason: LostReason) => void) | undefined;
}

/** How the result of an effect reaches its actor. */
export interface Results {
  /** Delivers a result that is known at once: it arrives before the actor's next step and before every waiting message. */
  first(message: unknown): void;
  /** Delivers a result that takes time. */
  later(message: unknown): void;
}

/** Carries out one effect that leaves the core. Its result is delivered once. */
export function performEdge(ports: Ports, effect: EdgeEffect, results: Results): void {
  switch (effect.type) {
    case 'write':
      return ports.sockets.write(effect.connection, effect.frames);
    case 'fanout': {
      const refused = ports.sockets.fanout(effect.batch, effect.connections, effect.start, effect.end);
      if (refused.length > 0)
        results.first({ type: 'refused', connections: refused, first: effect.batch.first });
      return;
    }
    case 'ping':
      return ports.sockets.ping(effect.connection);
    case 'close':
      return ports.sockets.close(effect.connection, effect.code, effect.reason);
    case 'reopen':
      return ports.sockets.reopen(effect.connection);
    case 'measure':
      return results.first({
        type: 'measured',
        why: effect.why,
        ...ports.sockets.measure(effect.connection),
      });
    case 'listen':
      return ports.sockets.listen(effect.connection, effect.since);
    case 'store':
      return callStore(ports.store, effect, results);
    case 'verify':
      return ports.tokens.verify(effect.token, (verdict) =>
        results.later({ type: 'verified', call: effect.call, verdict }),
      );
    case 'hook':
      return ports.hooks.ask(effect.question, effect.deadlineMs, (reply) =>
        results.later({ type: 'hookReplied', call: effect.call, reply }),
      );
    case 'lost':
      return ports.onLost?.(effect.reason);
    case 'announce':
      return ports.announcer?.stored(effect.channel, effect.entries);
    case 'live':
      return ports.announcer?.live(effect.room, effect.state);
    case 'count':
      return ports.telemetry.count(effect.counter, effect.by);
    case 'log':
      return ports.telemetry.log(effect.level, effect.event, effect.details);
  }
}

function callStore(
  store: Pick<LogStore, 'call'>,
  effect: EdgeEffect & { type: 'store' },
  results: Results,
): void {
  const { call, ...request } = effect.request;
  store.call(call, request, effect.deadlineMs, (reply) =>
    results.later({ type: 'storeReplied', call: effect.call, reply }),
  );
}
