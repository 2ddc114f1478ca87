import {
  LIFECYCLE,
  type ClientState,
  type LifecycleAction,
  type LifecycleEvent,
  type LifecycleTimer,
} from './lifecycle-table.ts';
import type { Ports } from '../ports.ts';

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
  readonly #ports: Ports;
  readonly #owner: LifecycleOwner;
  readonly #timers = new Map<LifecycleTimer, () => void>();
  #state: ClientState = 'idle';
  #steps = 0;

  constructor(ports: Ports, owner: LifecycleOwner) {
    this.#ports = ports;
    this.#owner = owner;
  }

  get state(): ClientState {
    return this.#state;
  }

  fire(event: LifecycleEvent): void {
    const edge = LIFECYCLE[this.#state][event];
    if (!edge) return;
    const step = ++this.#steps;
    const isChanged = this.#state !== edge.to;
    this.#state = edge.to;
    // What ends the old state comes before the new one is told, what begins it after: listeners see it as it is.
    for (const [kind, name] of edge.effects) {
      if (kind === 'disarm') this.#disarm(name);
      else if (kind === 'do' && ENDS.has(name)) this.#owner.act(name);
    }
    // What was told there may have closed the client.
    if (step !== this.#steps) return;
    if (isChanged) this.#owner.changed(edge.to);
    for (const [kind, name] of edge.effects) {
      // A listener may have closed the client.
      if (step !== this.#steps) return;
      if (kind === 'arm') this.#arm(name);
      else if (kind === 'do' && !ENDS.has(name)) this.#owner.act(name);
    }
  }

  #disarm(timer: LifecycleTimer): void {
    this.#timers.get(timer)?.();
    this.#timers.delete(timer);
  }

  #arm(timer: LifecycleTimer): void {
    this.#disarm(timer);
    const left = Math.max(0, this.#owner.dueAt(timer) - this.#ports.now());
    const cancel = this.#ports.after(left, () => {
      this.#timers.delete(timer);
      if (this.#owner.dueAt(timer) > this.#ports.now()) this.#arm(timer);
      else this.fire(timer);
    });
    this.#timers.set(timer, cancel);
  }
}
