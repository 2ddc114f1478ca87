import type { Asks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import { RemoteGenerations } from './remote-generations.ts';
import { envelopeOf, requestOf, type Envelope } from './mailbox.ts';
import type { Answer, DeadLetterReason, Lane } from './ports/actor.ts';
import type { Bus, RemoteEnvelope, RemoteMessage } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { Incarnation, Placement } from './ports/placement.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

/** A message before it leaves the node. */
export interface Outgoing {
  readonly to: string;
  readonly envelope: Envelope;
  readonly lane: Lane;
  readonly key: string | undefined;
}

/** Messages for one actor that wait until its generation is known: how many, and for how long. */
const HELD_MAX = 256;
const HELD_MS = 3_000;

interface Held {
  readonly peer: Incarnation;
  readonly waiting: Outgoing[];
  readonly timer: Timer;
}

/** How messages are delivered or refused on this node. */
interface LocalDeliveries {
  readonly counters: DeliveryCounters;
  deliver(to: string, envelope: Envelope, lane: Lane, key?: string): void;
  refuse(envelope: Envelope, to: string, reason: DeadLetterReason): void;
  tellIfAlive(to: string, message: unknown): void;
  activate(address: string): Cell | undefined;
  note(reason: DeadLetterReason, to: string, from: string, type: string): void;
}

interface Parts {
  readonly clock: Clock;
  readonly placement: Placement;
  readonly bus: Bus;
  readonly wheel: TimerWheel;
  readonly asks: Asks;
  readonly deliveries: LocalDeliveries;
}

/**
 * Messages to and from other nodes.
 *
 * - A message to an actor with one instance per cluster names a generation. While the sender does not know the generation,
 *   it asks for it and holds the message. A node does not take a message for another generation; the sender then sends an
 *   ask again to the right one.
 * - An ask from another node becomes an ask of this node, whose answer goes back there. It ends exactly once, by the same
 *   rules.
 * - An ask that has left counts as taken until its answer says otherwise, because the actor may have carried it out.
 */
export class Remote implements TimerOwner {
  readonly #parts: Parts;
  readonly #generations = new RemoteGenerations();
  readonly #held = new Map<string, Held>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A message for an actor of the cluster or, with `isBound`, for an actor that is bound to a socket. */
  send(peer: Incarnation, outgoing: Outgoing, isBound: boolean): void {
    const generation = isBound ? null : this.#generations.of(outgoing.to, peer);
    if (generation === undefined) this.#hold(peer, outgoing);
    else this.#sendTo(peer, outgoing, generation);
  }

  publish(peer: Incarnation, to: string, message: unknown): void {
    this.#parts.bus.send(peer, { type: 'publication', to, message });
  }

  #sendTo(peer: Incarnation, outgoing: Outgoing, generation: string | null): void {
    const { bus, asks, clock, deliveries } = this.#parts;
    const { to, envelope, lane, key } = outgoing;
    const { ask, from, message } = envelope;
    const open = ask > 0 ? asks.get(ask) : undefined;
    // The asker no longer waits.
    if (ask > 0 && !open) return deliveries.refuse(envelope, to, 'late');
    const remainingMs = ask > 0 ? envelope.deadline - clock.now() : 0;
    if (!bus.send(peer, { type: 'envelope', to, from, lane, key, message, ask, remainingMs, generation }))
      return deliveries.refuse(envelope, to, 'unreachable');
    deliveries.counters.offered++;
    deliveries.counters.sent++;
    if (!open) return;
    open.isTaken = true;
    open.remote = { peer, again: () => deliveries.deliver(to, envelope, lane, key) };
  }

  // --- generations

  #hold(peer: Incarnation, outgoing: Outgoing): void {
    const { bus, deliveries, wheel } = this.#parts;
    const { to, envelope } = outgoing;
    let held = this.#held.get(to);
    // The actor lives elsewhere now. The waiting messages follow it.
    if (held && held.peer !== peer) this.#releaseAll(to, (one) => this.#redeliver(one));
    held = this.#held.get(to);
    if (held) {
      if (held.waiting.length >= HELD_MAX) return deliveries.refuse(envelope, to, 'overflow');
      return void held.waiting.push(outgoing);
    }
    if (!bus.send(peer, { type: 'whois', to })) return deliveries.refuse(envelope, to, 'unreachable');
    this.#held.set(to, { peer, waiting: [outgoing], timer: wheel.arm(this, to, HELD_MS) });
  }

  #redeliver({ to, envelope, lane, key }: Outgoing): void {
    this.#parts.deliveries.deliver(to, envelope, lane, key);
  }

  #releaseAll(address: string, each: (outgoing: Outgoing) => void): void {
    const held = this.#held.get(address);
    if (!held) return;
    this.#held.delete(address);
    this.#parts.wheel.disarm(held.timer);
    for (const outgoing of held.waiting) each(outgoing);
  }

  /** No node has named the generation. If the actor lives elsewhere now, the waiting messages follow it. */
  timerDue({ name }: Timer): void {
    const { placement, deliveries } = this.#parts;
    const peer = this.#held.get(name)?.peer;
    this.#releaseAll(name, (outgoing) => {
      if (placement.ownerOf(name) === peer) deliveries.refuse(outgoing.envelope, name, 'unreachable');
      else this.#redeliver(outgoing);
    });
  }

  // --- what comes

  received(from: Incarnation, batch: readonly RemoteMessage[]): void {
    for (const message of batch) this.#received(from, message);
  }

  #received(from: Incarnation, message: RemoteMessage): void {
    const { asks, deliveries } = this.#parts;
    switch (message.type) {
      case 'envelope':
        return this.#deliver(from, message);
      case 'answer':
        return asks.answeredBy(from, message.ask, message.answer);
      case 'publication':
        return deliveries.tellIfAlive(message.to, message.message);
      case 'whois': {
        const cell = this.#own(message.to);
        if (cell)
          this.#say(from, { type: 'generation', of: message.to, generation: this.#generationOf(cell) });
        return;
      }
      case 'generation':
        this.#generations.learn(message.of, from, message.generation);
        return this.#releaseAll(message.of, (outgoing) => this.#redeliver(outgoing));
      case 'moved':
        this.#generations.learn(message.of, from, message.generation);
        return this.#moved(from, message);
    }
  }

  #deliver(from: Incarnation, envelope: RemoteEnvelope): void {
    const { to, ask, generation } = envelope;
    if (generation === null) return this.#take(from, envelope);
    const cell = this.#own(to);
    if (!cell) return this.#refuse(from, ask);
    if (this.#generationOf(cell) === generation) return this.#take(from, envelope);
    this.#say(from, { type: 'moved', of: to, generation: this.#generationOf(cell), ask });
  }

  #take(peer: Incarnation, envelope: RemoteEnvelope): void {
    const { asks, clock, deliveries } = this.#parts;
    const { to, from, message, lane, key, ask, remainingMs } = envelope;
    if (ask === 0) return deliveries.deliver(to, envelopeOf(from, message), lane, key);
    const settle = (answer: Answer<unknown>): void => this.#say(peer, { type: 'answer', ask, answer });
    const open = asks.open(to, { now: clock.now(), deadlineMs: Math.max(0, remainingMs) }, settle);
    deliveries.deliver(to, requestOf(from, message, open.id, open.deadline), lane, key);
  }

  /** This node must not take the message. */
  #refuse(from: Incarnation, ask: number): void {
    if (ask > 0)
      this.#say(from, { type: 'answer', ask, answer: { ok: false, taken: false, reason: 'unplaced' } });
  }

  #moved(from: Incarnation, { of, ask }: RemoteMessage & { readonly type: 'moved' }): void {
    const { asks, deliveries } = this.#parts;
    const open = ask > 0 ? asks.get(ask) : undefined;
    if (open?.remote?.peer !== from) {
      if (ask === 0) deliveries.note('moved', of, '', 'tell');
      return;
    }
    open.isTaken = false;
    open.remote.again();
  }

  /** An actor that lives on this node, which starts it if needed. */
  #own(address: string): Cell | undefined {
    const { placement, deliveries } = this.#parts;
    return placement.ownerOf(address) === placement.self ? deliveries.activate(address) : undefined;
  }

  #generationOf(cell: Cell): string {
    return `${this.#parts.placement.self}/${cell.generation}`;
  }

  #say(peer: Incarnation, message: RemoteMessage): void {
    // An unreachable node asks nothing.
    this.#parts.bus.send(peer, message);
  }

  /** This incarnation of a peer is over. Asks to it end, and so do the messages that wait for it. */
  peerDown(peer: Incarnation): void {
    this.#generations.forget(peer);
    for (const [address, held] of [...this.#held])
      if (held.peer === peer) this.#releaseAll(address, (outgoing) => this.#redeliver(outgoing));
    this.#parts.asks.failAt(peer, 'unreachable');
  }
}
