import type { Life, Turn } from '../../runtime/ports/actor.ts';
import { explore, type ChartState } from '../chart.ts';
import type { Outbox } from '../outbox.ts';
import { retryMachine } from './retry.machine.ts';

export const retryChart = explore(retryMachine);

export interface RetryLimits {
  /** The first pause; each further one is twice as long… */
  readonly backoffMs: number;
  /** …up to this. */
  readonly backoffMaxMs: number;
}

/** Something that must succeed in the end, and how it is tried again. */
export class Retry {
  readonly #limits: RetryLimits;
  readonly #attempt: (out: Outbox) => void;
  #life: ChartState = retryChart.initial;
  #failures = 0;

  constructor(limits: RetryLimits, attempt: (out: Outbox) => void) {
    this.#limits = limits;
    this.#attempt = attempt;
  }

  lives(): Life[] {
    return [{ chart: 'retry', state: this.#life }];
  }

  get isResting(): boolean {
    return this.#life.name === 'resting';
  }

  get isAttempting(): boolean {
    return this.#life.name === 'attempting';
  }

  fire(event: string, turn: Turn, out: Outbox): void {
    const edge = this.#life.edges[event];
    if (!edge?.isHandled) return;
    this.#life = edge.to;
    for (const effect of edge.effects) {
      if (effect.type === 'arm') out.arm(effect.timer, this.#pauseMs(turn));
      else if (effect.type === 'disarm') out.disarm(effect.timer);
      else if (effect.action === 'attempt') this.#attempt(out);
      else if (effect.action === 'lengthen') this.#failures++;
      else if (effect.action === 'reset') this.#failures = 0;
    }
  }

  /** Half fixed, half drawn: homes of many nodes do not come back at the same moment. */
  #pauseMs(turn: Turn): number {
    const full = Math.min(this.#limits.backoffMaxMs, this.#limits.backoffMs * 2 ** (this.#failures - 1));
    return full / 2 + (turn.random() * full) / 2;
  }
}
