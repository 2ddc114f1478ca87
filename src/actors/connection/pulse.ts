import type { Turn } from '../../runtime/ports/actor.ts';
import { explore, type ChartEffect, type ChartState } from '../chart.ts';
import type { Outbox } from '../outbox.ts';
import { connectionMachine } from './connection.machine.ts';
import type { ConnectionLimits } from './context.ts';

export const connectionChart = explore(connectionMachine);

/** What the chart asks for beside timers. */
export type Act = (
  action: string,
  params: Readonly<Record<string, unknown>>,
  turn: Turn,
  out: Outbox,
) => void;

/**
 * A connection's life on the clock (LC2). Traffic touches `lastSeenAt` and no timer: one that comes due
 * is measured against it, and armed again for the rest when something was heard meanwhile (D3).
 */
export class Pulse {
  life: ChartState = connectionChart.initial;
  readonly #limits: ConnectionLimits;
  readonly #act: Act;
  #lastSeenAt: number;
  #lastPingAt: number;

  constructor(limits: ConnectionLimits, turn: Turn, act: Act) {
    this.#limits = limits;
    this.#act = act;
    this.#lastSeenAt = turn.now;
    this.#lastPingAt = turn.now;
  }

  begin(turn: Turn, out: Outbox): void {
    this.#apply(connectionChart.initialEffects, turn, out);
  }

  get isOpen(): boolean {
    return this.life.tags.has('open');
  }

  touch(turn: Turn): void {
    this.#lastSeenAt = turn.now;
  }

  heard(turn: Turn, out: Outbox): void {
    this.touch(turn);
    if (this.life.phase === 'suspect') this.fire('heard', turn, out);
  }

  pinged(turn: Turn): void {
    this.#lastPingAt = turn.now;
  }

  fire(event: string, turn: Turn, out: Outbox): void {
    const edge = this.life.edges[event];
    if (!edge?.isHandled) return;
    this.life = edge.to;
    this.#apply(edge.effects, turn, out);
  }

  #apply(effects: readonly ChartEffect[], turn: Turn, out: Outbox): void {
    for (const effect of effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#dueAt(effect.timer) - turn.now);
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else this.#act(effect.action, effect.params, turn, out);
    }
  }

  timer(timer: string, turn: Turn, out: Outbox): void {
    const rest = this.#dueAt(timer) - turn.now;
    if (rest > 0) out.arm(timer, rest);
    else this.fire(timer, turn, out);
  }

  #dueAt(timer: string): number {
    const { heartbeatIntervalMs, heartbeatTimeoutMs, handshakeMs } = this.#limits;
    switch (timer) {
      case 'quiet':
        return Math.max(this.#lastSeenAt, this.#lastPingAt) + (heartbeatIntervalMs * 2) / 3;
      case 'silence':
        return this.#lastSeenAt + heartbeatIntervalMs;
      case 'timeout':
        return this.#lastSeenAt + heartbeatTimeoutMs;
      default:
        return this.#lastSeenAt + handshakeMs;
    }
  }
}
