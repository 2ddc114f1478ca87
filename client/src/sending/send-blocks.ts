import { PAUSE_MS } from '../connection/reconnect-policy.ts';
import { Scope, type ClientScope } from '../connection/scopes.ts';

/** All messages, or those of a room. */
export type Blockable = 'all' | `room:${string}`;

/**
 * Delays messages, of a room or of all. Only the user's rate limit delays all of them (LM2). Once the server has refused a
 * message for it, the client sends one message at a time, at the allowed pace, until none waits. The event `slowed` reports
 * that.
 */
export class SendBlocks {
  isSlowed = false;
  /** The pause between two messages of a slowed user. */
  stepMs = PAUSE_MS;
  readonly #client: ClientScope;
  readonly #released: () => void;
  readonly #until = new Map<Blockable, number>();
  readonly #scope: Scope;

  /** `released` runs when messages may be sent again. */
  constructor(client: ClientScope, released: () => void) {
    this.#client = client;
    this.#released = released;
    this.#scope = new Scope(client.ports);
  }

  has(what: Blockable): boolean {
    return (this.#until.get(what) ?? 0) > this.#client.ports.now();
  }

  /** Delays messages. The longest delay counts. */
  hold(what: Blockable, ms: number): void {
    const now = this.#client.ports.now();
    const until = Math.max(this.#until.get(what) ?? 0, now + ms);
    this.#until.set(what, until);
    this.#scope.after(until - now, () => {
      // The delay was extended, or is over already. A timer that fires a little early ends it now.
      if (this.#until.get(what) !== until) return;
      this.#until.delete(what);
      this.#released();
    });
  }

  /** Delays all messages. */
  slow(retryAfterMs: number): void {
    // Messages in flight together are refused together, with the same time.
    const isTold = this.has('all');
    this.isSlowed = true;
    this.hold('all', retryAfterMs);
    if (!isTold) this.#client.emitter.emit('slowed', { retryAfterMs, everyMs: this.stepMs });
  }

  /** No message waits any more. */
  unslow(): void {
    if (!this.isSlowed) return;
    this.isSlowed = false;
    this.#client.emitter.emit('slowed', {});
  }

  /** Delays of rooms belong to the lost connection. */
  lost(): void {
    for (const what of this.#until.keys()) if (what.startsWith('room:')) this.#until.delete(what);
  }

  end(): void {
    this.#until.clear();
    this.#scope.end();
  }
}
