import type { BasePorts } from '../ports.ts';
import {
  LIFECYCLE,
  TIMERS,
  type ClientState,
  type LifecycleAction,
  type LifecycleEvent,
  type LifecycleTimer,
} from './lifecycle-table.ts';

export interface LifecycleOwner {
  /** When a timer is due now. Traffic re-arms no timer; a timer that fires early is armed for the rest. */
  dueAt(timer: LifecycleTimer): number;
  act(action: LifecycleAction): void;
  changed(state: ClientState): void;
}

/** Actions that end the previous state. */
const ENDS = new Set<LifecycleAction>(['abandon', 'release']);

/** Follows the chart of `lifecycle-table.ts`. */
export class Lifecycle {
  readonly #ports: BasePorts;
  readonly #owner: LifecycleOwner;
  #state: ClientState = 'idle';
  #steps = 0;
  #disarm: (() => void) | undefined;

  constructor(ports: BasePorts, owner: LifecycleOwner) {
    this.#ports = ports;
    this.#owner = owner;
  }

  get state(): ClientState {
    return this.#state;
  }

  fire(event: LifecycleEvent): void {
    const edge = LIFECYCLE[this.#state][event];
    if (!edge) return;
    const [to, action] = edge;
    const isEnd = action !== undefined && ENDS.has(action);
    const step = ++this.#steps;
    this.#state = to;
    this.#disarm?.();
    // Ending actions run before the listeners learn of the new state, and beginning ones after, so that listeners see a
    // consistent client.
    if (isEnd) this.#owner.act(action);
    // Each of these may run listeners, and a listener may close the client.
    if (step === this.#steps) this.#owner.changed(to);
    if (step === this.#steps && action && !isEnd) this.#owner.act(action);
    if (step === this.#steps) this.#arm();
  }

  #arm(): void {
    const timer = TIMERS[this.#state];
    if (!timer) return;
    const leftMs = (): number => this.#owner.dueAt(timer) - this.#ports.now();
    this.#disarm = this.#ports.after(Math.max(0, leftMs()), () => {
      if (leftMs() > 0) this.#arm();
      else this.fire(timer);
    });
  }
}
