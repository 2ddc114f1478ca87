import { explore, type ChartState } from '../kit/chart.ts';
import type { Effects } from '../kit/effects.ts';
import { roomMachine } from './room.machine.ts';

export const roomChart = explore(roomMachine);

/** The state of a home that is claimed and has no doubt. */
export const ALIVE = roomChart.states.get('alive') as ChartState;

/** The lifecycle of a channel's home, as clients may see it (LC4). */
export class HomeLifecycle {
  readonly #idleMs: number;
  #state: ChartState;

  constructor(idleMs: number, state = roomChart.initial) {
    this.#idleMs = idleMs;
    this.#state = state;
  }

  get state(): ChartState {
    return this.#state;
  }

  /** The home accepts messages, and has had no doubt since it began to. */
  get isOpen(): boolean {
    return this.#state.tags.has('open');
  }

  /** Nothing is accepted until a doubt is settled, or ever again. */
  get isClosed(): boolean {
    return this.#state.phase === 'suspect' || this.#state.isFinal;
  }

  /** True when this event has ended the home. */
  fire(event: string, out: Effects): boolean {
    const edge = this.#state.edges[event];
    if (!edge?.isHandled) return false;
    this.#state = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#idleMs);
      else if (effect.type === 'disarm') out.disarm(effect.timer);
    }
    return edge.to.isFinal;
  }
}
