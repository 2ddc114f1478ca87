import type { Turn } from '../../runtime/ports/actor.ts';
import { TokenBucket } from '../../limits/token-bucket.ts';
import { signalFrame } from '../kit/frames.ts';
import type { HomeMessage } from '../messages/home.ts';
import type { Effects } from '../kit/effects.ts';
import type { Presence } from './presence.ts';
import type { Audience } from './join-leave-batch.ts';

/** Connections that a room's signals go to in a second, all signals together (RQ5): a fifth of a core. */
const DELIVERIES_PER_SECOND = 20_000;

/** Connections of which a signal waits at most; what others send meanwhile is lost. With 4 KiB each, 4 MiB. */
const WAITING_MAX = 1_000;

type Signal = HomeMessage & { type: 'signal' };

/**
 * What those present send each other beside the log. In a large room each is work for every connection: it passes on as
 * many as it may, and of what comes meanwhile the newest of each connection, in turn.
 */
export class Signals {
  readonly #room: string;
  readonly #presence: Presence;
  readonly #audience: Audience;
  readonly #bucket = new TokenBucket({ count: DELIVERIES_PER_SECOND, perMs: 1_000 });
  readonly #waiting = new Map<string, Signal>();
  #isPausing = false;

  constructor(room: string, presence: Presence, audience: Audience) {
    this.#room = room;
    this.#presence = presence;
    this.#audience = audience;
  }

  take(signal: Signal, turn: Turn, out: Effects): void {
    if (!this.#isPausing) return this.#pass(signal, turn, out);
    // A newer one takes the older one's turn.
    if (this.#waiting.size < WAITING_MAX || this.#waiting.has(signal.address))
      this.#waiting.set(signal.address, signal);
  }

  /** The pause is over. */
  goOn(turn: Turn, out: Effects): void {
    this.#isPausing = false;
    for (const [address, signal] of this.#waiting) {
      if (this.#isPausing) return;
      this.#waiting.delete(address);
      this.#pass(signal, turn, out);
    }
  }

  #pass({ address, user, data }: Signal, turn: Turn, out: Effects): void {
    if (!this.#presence.has(address)) return;
    const { channel, nodes } = this.#audience;
    out.publish(channel, nodes, {
      type: 'signal',
      frame: signalFrame(this.#room, user, data),
      from: address,
    });
    const pauseMs = this.#bucket.spend(this.#presence.devices, turn.now);
    if (pauseMs === 0) return;
    this.#isPausing = true;
    out.arm('signals', pauseMs);
  }
}
