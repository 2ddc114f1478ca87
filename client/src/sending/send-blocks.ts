import { PAUSE_MS } from '../connection/backoff.ts';
import { ConnectionScope } from '../connection/connection-scope.ts';
import type { Emitter } from '../events.ts';
import type { Ports } from '../ports.ts';

/** Everything, what goes by REST, or a room. */
export type Blockable = 'all' | 'rest' | `room:${string}`;

/**
 * Until when nothing is sent, and of what. Everything is held for the user's rate alone (LM2): once the server has refused
 * a message for it, messages go one at a time, as often as is allowed, until none waits. That is told as `slowed`.
 */
export class SendBlocks {
  isSlowed = false;
  /** Between two messages of one who is slowed. */
  stepMs = PAUSE_MS;
  readonly #ports: Ports;
  readonly #emitter: Emitter;
  readonly #released: () => void;
  readonly #until = new Map<Blockable, number>();
  readonly #scope: ConnectionScope;

  /** `released`: something may be sent again. */
  constructor(ports: Ports, emitter: Emitter, released: () => void) {
    this.#ports = ports;
    this.#emitter = emitter;
    this.#released = released;
    this.#scope = new ConnectionScope(ports);
  }

  has(what: Blockable): boolean {
    return (this.#until.get(what) ?? 0) > this.#ports.now();
  }

  /** The longest one counts. */
  hold(what: Blockable, ms: number): void {
    this.#until.set(what, Math.max(this.#until.get(what) ?? 0, this.#ports.now() + ms));
    this.#watch();
  }

  /** Everything, for so long. */
  slow(retryAfterMs: number): void {
    // What was under way together is refused together, for the same time.
    const isTold = this.has('all');
    this.isSlowed = true;
    this.hold('all', retryAfterMs);
    if (!isTold) this.#emitter.emit('slowed', { retryAfterMs, everyMs: this.stepMs });
  }

  /** Nothing waits any more. */
  unslow(): void {
    if (!this.isSlowed) return;
    this.isSlowed = false;
    this.#emitter.emit('slowed', {});
  }

  /** What was said of what goes by REST says nothing of a connection. */
  connected(): void {
    this.#until.delete('rest');
  }

  /** What was said of rooms was said of the connection that is lost. */
  lost(): void {
    for (const what of this.#until.keys()) if (what.startsWith('room:')) this.#until.delete(what);
  }

  end(): void {
    this.#until.clear();
    this.#scope.end();
  }

  /** One timer, for the first that is over. */
  #watch(): void {
    this.#scope.end();
    const first = Math.min(...this.#until.values());
    if (first === Infinity) return;
    this.#scope.after(Math.max(0, first - this.#ports.now()), () => {
      const now = this.#ports.now();
      for (const [what, until] of this.#until) if (until <= now) this.#until.delete(what);
      this.#watch();
      this.#released();
    });
  }
}
