import type { Lifecycle, Turn } from '../../runtime/ports/actor.ts';
import { explore, type ChartState } from '../kit/chart.ts';
import type { Effects } from '../kit/effects.ts';
import { retryMachine } from './retry.machine.ts';

export const retryChart = explore(retryMachine);

export interface RetryLimits {
  /** The first pause; each further one is twice as long… */
  readonly backoffMs: number;
  /** …up to this. */
  readonly backoffMaxMs: number;
}

/** When something that must succeed in the end is tried, and tried again. */
export class Retry {
  readonly #limits: RetryLimits;
  #state: ChartState = retryChart.initial;
  #failures = 0;

  constructor(limits: RetryLimits) {
    this.#limits = limits;
  }

  chartStates(): Lifecycle[] {
    return [{ chart: 'retry', state: this.#state }];
  }

  /** True when the owner has to try now. */
  fire(event: string, turn: Turn, out: Effects): boolean {
    const edge = this.#state.edges[event];
    if (!edge?.isHandled) return false;
    this.#state = edge.to;
    let isDue = false;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#pauseMs(turn));
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else if (effect.action === 'attempt') isDue = true;
      else if (effect.action === 'lengthen') this.#failures++;
      else if (effect.action === 'reset') this.#failures = 0;
    }
    return isDue;
  }

  /** Half of the pause is fixed and half random, so homes of many nodes do not come back at the same moment. */
  #pauseMs(turn: Turn): number {
    const full = Math.min(this.#limits.backoffMaxMs, this.#limits.backoffMs * 2 ** (this.#failures - 1));
    return full / 2 + (turn.random() * full) / 2;
  }
}
