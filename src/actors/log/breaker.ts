import { explore, type ChartEffect, type ChartState } from '../kit/chart.ts';
import { breakerMachine } from './breaker.machine.ts';

export const breakerChart = explore(breakerMachine);

/** When a breaker trips (D14). */
export interface BreakerLimits {
  readonly windowMs: number;
  readonly callsMin: number;
  /** Share of errors, 0 to 1. */
  readonly errorShare: number;
  readonly probeIntervalMs: number;
  readonly openMaxMs: number;
}

const BREAKER: BreakerLimits = {
  windowMs: 10_000,
  callsMin: 20,
  errorShare: 0.5,
  probeIntervalMs: 1_000,
  openMaxMs: 30_000,
};

const BUCKETS = 10;

/** Counts calls over a sliding window and says which event they are for the chart. */
export class Breaker {
  state: ChartState = breakerChart.initial;
  readonly #limits: BreakerLimits;
  readonly #calls: number[] = Array.from({ length: BUCKETS }, () => 0);
  readonly #errors: number[] = Array.from({ length: BUCKETS }, () => 0);
  #bucket = 0;

  constructor(limits: BreakerLimits = BREAKER) {
    this.#limits = limits;
  }

  get isOpen(): boolean {
    return this.state.phase === 'open';
  }

  get isHalfOpen(): boolean {
    return this.state.phase === 'halfOpen';
  }

  delayMs(timer: string): number {
    return timer === 'openMax' ? this.#limits.openMaxMs : this.#limits.probeIntervalMs;
  }

  fire(event: string): readonly ChartEffect[] {
    const edge = this.state.edges[event];
    if (!edge) return [];
    this.state = edge.to;
    return edge.effects;
  }

  /** The outcome of a call that was let through. */
  record(ok: boolean, now: number): readonly ChartEffect[] {
    if (this.isHalfOpen) return this.fire(ok ? 'trialSucceeded' : 'trialFailed');
    if (this.isOpen) return [];
    this.#turnTo(now);
    const at = this.#bucket % BUCKETS;
    this.#calls[at] = (this.#calls[at] ?? 0) + 1;
    if (!ok) this.#errors[at] = (this.#errors[at] ?? 0) + 1;
    const calls = sum(this.#calls);
    if (calls < this.#limits.callsMin || sum(this.#errors) < calls * this.#limits.errorShare) return [];
    this.#calls.fill(0);
    this.#errors.fill(0);
    return this.fire('tripped');
  }

  #turnTo(now: number): void {
    const bucket = Math.floor(now / (this.#limits.windowMs / BUCKETS));
    const first = Math.max(this.#bucket + 1, bucket - BUCKETS + 1);
    for (let passed = first; passed <= bucket; passed++) {
      this.#calls[passed % BUCKETS] = 0;
      this.#errors[passed % BUCKETS] = 0;
    }
    this.#bucket = bucket;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
