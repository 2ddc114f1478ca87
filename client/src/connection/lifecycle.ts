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
  /** When a timer is due, as things are now: traffic touches no timer, one that comes early is armed for the rest. */
  dueAt(timer: LifecycleTimer): number;
  act(action: LifecycleAction): void;
  changed(state: ClientState): void;
}

/** What ends the state before. */
const ENDS = new Set<LifecycleAction>(['abandon', 'release']);

/** Walks the chart of `lifecycle-table.ts`. */
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
    // What ends the old state comes before the new one is told, what begins it after: listeners see it as it is.
    if (isEnd) this.#owner.act(action);
    // Each of these tells listeners, and a listener may have closed the client.
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
