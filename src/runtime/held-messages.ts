import type { Envelope } from './mailbox.ts';
import type { Lane } from './ports/actor.ts';
import type { Incarnation } from './ports/placement.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

/** A message before it leaves the node. */
export interface Outgoing {
  readonly to: string;
  readonly envelope: Envelope;
  readonly lane: Lane;
  readonly key: string | undefined;
  /** How often it was held in vain. */
  readonly waits?: number;
}

/** Messages that wait for one actor, and for all; how long they wait, and how often the peer is asked meanwhile. */
const HELD_MAX = 256;
const HELD_ALL_MAX = 16_384;
const HELD_MS = 3_000;
const ASK_EVERY_MS = 250;

interface Held {
  readonly peer: Incarnation;
  readonly waiting: Outgoing[];
  timer: Timer;
  asked: number;
}

interface Owner {
  /** The peer has not answered for a while. */
  askAgain(address: string, peer: Incarnation): void;
  /** It has not answered in time. The messages are still held. */
  giveUp(address: string, peer: Incarnation): void;
}

/** Messages for actors on other nodes whose generation is not known yet, in order. */
export class HeldMessages implements TimerOwner {
  readonly #wheel: TimerWheel;
  readonly #owner: Owner;
  readonly #held = new Map<string, Held>();
  #size = 0;

  constructor(wheel: TimerWheel, owner: Owner) {
    this.#wheel = wheel;
    this.#owner = owner;
  }

  /** The node that was asked about an actor. */
  peerOf(address: string): Incarnation | undefined {
    return this.#held.get(address)?.peer;
  }

  /** False when there is no room for one more. */
  add(peer: Incarnation, outgoing: Outgoing): boolean {
    const { to } = outgoing;
    let held = this.#held.get(to);
    if (this.#size >= HELD_ALL_MAX || (held && held.waiting.length >= HELD_MAX)) return false;
    if (!held) {
      held = { peer, waiting: [], timer: this.#wheel.arm(this, to, ASK_EVERY_MS), asked: 1 };
      this.#held.set(to, held);
    }
    held.waiting.push(outgoing);
    this.#size++;
    return true;
  }

  /** The messages that wait for an actor, which are held no longer. */
  take(address: string): readonly Outgoing[] {
    const held = this.#held.get(address);
    if (!held) return [];
    this.#held.delete(address);
    this.#wheel.disarm(held.timer);
    this.#size -= held.waiting.length;
    return held.waiting;
  }

  takeAll(): readonly Outgoing[] {
    return [...this.#held.keys()].flatMap((address) => this.take(address));
  }

  timerDue({ name }: Timer): void {
    const held = this.#held.get(name);
    if (!held) return;
    if ((held.asked + 1) * ASK_EVERY_MS >= HELD_MS) return this.#owner.giveUp(name, held.peer);
    held.asked++;
    held.timer = this.#wheel.arm(this, name, ASK_EVERY_MS);
    this.#owner.askAgain(name, held.peer);
  }
}
