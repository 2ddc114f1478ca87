import { PAUSE_MS } from '../connection/reconnect-policy.ts';
import { Scope, type ClientScope } from '../connection/scopes.ts';

/** Everything, or a room. */
export type Blockable = 'all' | `room:${string}`;

/**
 * Until when nothing is sent, and of what. Everything is held for the user's rate alone (LM2): once the server has refused
 * a message for it, messages go one at a time, as often as is allowed, until none waits. That is told as `slowed`.
 */
export class SendBlocks {
  isSlowed = false;
  /** Between two messages of one who is slowed. */
  stepMs = PAUSE_MS;
  readonly #client: ClientScope;
  readonly #released: () => void;
  readonly #until = new Map<Blockable, number>();
  readonly #scope: Scope;

  /** `released`: something may be sent again. */
  constructor(client: ClientScope, released: () => void) {
    this.#client = client;
    this.#released = released;
    this.#scope = new Scope(client.ports);
  }

  has(what: Blockable): boolean {
    return (this.#until.get(what) ?? 0) > this.#client.ports.now();
  }

  /** The longest one counts. */
  hold(what: Blockable, ms: number): void {
    const now = this.#client.ports.now();
    const until = Math.max(this.#until.get(what) ?? 0, now + ms);
    this.#until.set(what, until);
    this.#scope.after(until - now, () => {
      // It was made longer, or is over already. A timer may come a little early: then it is over now.
      if (this.#until.get(what) !== until) return;
      this.#until.delete(what);
      this.#released();
    });
  }

  /** Everything, for so long. */
  slow(retryAfterMs: number): void {
    // What was under way together is refused together, for the same time.
    const isTold = this.has('all');
    this.isSlowed = true;
    this.hold('all', retryAfterMs);
    if (!isTold) this.#client.emitter.emit('slowed', { retryAfterMs, everyMs: this.stepMs });
  }

  /** Nothing waits any more. */
  unslow(): void {
    if (!this.isSlowed) return;
    this.isSlowed = false;
    this.#client.emitter.emit('slowed', {});
  }

  /** What was said of rooms was said of the connection that is lost. */
  lost(): void {
    for (const what of this.#until.keys()) if (what.startsWith('room:')) this.#until.delete(what);
  }

  end(): void {
    this.#until.clear();
    this.#scope.end();
  }
}
