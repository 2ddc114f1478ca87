import type { Asks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import { HeldMessages, type Outgoing } from './held-messages.ts';
import { RemoteGenerations } from './remote-generations.ts';
import { envelopeOf, requestOf, type Envelope } from './mailbox.ts';
import type { Answer, DeadLetterReason, Lane } from './ports/actor.ts';
import type { Bus, RemoteEnvelope, RemoteMessage } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { Incarnation, Placement } from './ports/placement.ts';
import type { TimerWheel } from './timers.ts';

/** Dead peers that are remembered. The lease of one ends it long before so many others have died. */
const GONE_MAX = 1_024;

/** So often a tell is held in vain: for longer than it takes until a node is dead. */
const WAITS_MAX = 4;

/** How long a tell is sent again and again, until it has arrived. */
const ARRIVAL_MS = 10_000;

/** Why an actor has ended before it took a message. */
const MOVED: ReadonlySet<DeadLetterReason> = new Set(['moved', 'stopped']);

/** How messages are delivered or refused on this node. */
interface LocalDeliveries {
  readonly counters: DeliveryCounters;
  push(cell: Cell, envelope: Envelope, lane: Lane, key?: string): void;
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
 * Messages to and from other nodes (D13).
 *
 * - A message to an actor with one instance per cluster is for one life (generation) of it. While the sender does not know
 *   the life, it asks for it and holds the message. A node takes no message for another life, and none for an actor that
 *   lives elsewhere: it answers `moved`.
 * - When an actor moves, or begins a new life, the node sends unanswered messages again in their order, before anything
 *   later. From then on only the new life can answer it.
 * - An ask from another node becomes an ask of this node, whose answer goes back there. It ends exactly once, by the same
 *   rules.
 * - An ask that has left counts as taken until its answer says otherwise, because the actor may have carried it out.
 */
export class Remote {
  readonly #parts: Parts;
  readonly #generations = new RemoteGenerations();
  readonly #held: HeldMessages;
  /** Peers that are dead. One that stood still and goes on does not know it yet. */
  readonly #gone = new Set<Incarnation>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#held = new HeldMessages(parts.wheel, {
      // A peer that does not know yet that the actor lives there says nothing.
      askAgain: (address, peer) => parts.bus.send(peer, { type: 'whois', to: address }),
      giveUp: (address, peer) => this.#unanswered(address, peer),
    });
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
    const { from, message } = envelope;
    const isTell = envelope.ask === 0;
    const now = clock.now();
    // A tell to an actor of the cluster has to arrive, wherever the actor moves meanwhile: so it is asked whether it did.
    const open =
      isTell && generation !== null
        ? asks.open(to, { now, deadlineMs: ARRIVAL_MS }, () => {})
        : asks.get(envelope.ask);
    // The asker no longer waits.
    if (!isTell && !open) return deliveries.refuse(envelope, to, 'late');
    const sent = { to, from, lane, key, message, ask: open?.id ?? 0, isTell, generation };
    const remainingMs = open ? Math.max(0, open.deadline - now) : 0;
    if (!bus.send(peer, { type: 'envelope', ...sent, remainingMs }))
      return deliveries.refuse(envelope, to, 'unreachable');
    deliveries.counters.offered++;
    deliveries.counters.sent++;
    if (!open) return;
    const again = (): void => deliveries.deliver(to, envelope, lane, key);
    asks.sent(open, { peer, isTell, generation, again });
  }

  // --- generations

  #hold(peer: Incarnation, outgoing: Outgoing): void {
    const { bus, deliveries } = this.#parts;
    const { to, envelope } = outgoing;
    // The actor lives elsewhere now. The waiting messages follow it.
    if ((this.#held.peerOf(to) ?? peer) !== peer) this.#release(to);
    const isFirst = this.#held.peerOf(to) === undefined;
    if (isFirst && !bus.send(peer, { type: 'whois', to }))
      return deliveries.refuse(envelope, to, 'unreachable');
    if (!this.#held.add(peer, outgoing)) deliveries.refuse(envelope, to, 'overflow');
  }

  #redeliver({ to, envelope, lane, key }: Outgoing): void {
    this.#parts.deliveries.deliver(to, envelope, lane, key);
  }

  #release(address: string): void {
    for (const outgoing of this.#held.take(address)) this.#redeliver(outgoing);
  }

  /**
   * No node has named the generation. If the actor lives elsewhere now, the waiting messages follow it. Else an asker learns that
   * it cannot be reached. A tell waits on: the peer may stand still for longer, and would never hear of what has ended here.
   */
  #unanswered(address: string, peer: Incarnation): void {
    const { placement, deliveries } = this.#parts;
    const waiting = this.#held.take(address);
    const isThere = placement.ownerOf(address) === peer;
    for (const outgoing of waiting) {
      const waits = (outgoing.waits ?? 0) + 1;
      if (!isThere) this.#redeliver(outgoing);
      else if (outgoing.envelope.ask === 0 && waits < WAITS_MAX) this.#hold(peer, { ...outgoing, waits });
      else deliveries.refuse(outgoing.envelope, address, 'unreachable');
    }
  }

  // --- what comes

  received(from: Incarnation, batch: readonly RemoteMessage[]): void {
    if (this.#gone.has(from)) return;
    for (const message of batch) this.#received(from, message);
  }

  #received(from: Incarnation, message: RemoteMessage): void {
    const { asks, deliveries } = this.#parts;
    switch (message.type) {
      case 'envelope':
        return this.#deliver(from, message);
      case 'answer':
        return asks.answeredBy(from, message.ask, message.generation, message.answer);
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
        return this.#release(message.of);
      case 'moved':
        return this.#moved(from, message);
    }
  }

  #deliver(from: Incarnation, envelope: RemoteEnvelope): void {
    const { to, ask, generation } = envelope;
    const cell = generation === null ? undefined : this.#own(to);
    if (generation === null || (cell && this.#generationOf(cell) === generation))
      return this.#take(from, envelope, cell);
    this.#sayMoved(from, to, ask);
  }

  /** `cell`: the life of an actor of the cluster that the message is for. No later one takes it, wherever it is then. */
  #take(peer: Incarnation, envelope: RemoteEnvelope, cell: Cell | undefined): void {
    const { asks, clock, deliveries } = this.#parts;
    const { to, from, message, lane, key, ask, isTell, remainingMs, generation } = envelope;
    let taken: Envelope;
    if (ask === 0 || isTell) taken = envelopeOf(from, message, cell?.generation);
    else {
      const settle = (answer: Answer<unknown>): void => {
        const isMoved = !answer.ok && !answer.taken && MOVED.has(answer.reason);
        if (isMoved && cell) this.#sayMoved(peer, to, ask);
        else this.#say(peer, { type: 'answer', ask, answer, generation });
      };
      const due = { now: clock.now(), deadlineMs: Math.max(0, remainingMs) };
      taken = requestOf(from, message, asks.open(to, due, settle), cell?.generation);
    }
    if (isTell && ask > 0)
      this.#say(peer, { type: 'answer', ask, answer: { ok: true, body: {} }, generation });
    if (cell) deliveries.push(cell, taken, lane, key);
    else deliveries.deliver(to, taken, lane, key);
  }

  /** Not taken: the life that the message was for is over, or the actor lives elsewhere. */
  #sayMoved(peer: Incarnation, of: string, ask: number): void {
    const cell = this.#own(of);
    this.#say(peer, { type: 'moved', of, generation: cell ? this.#generationOf(cell) : null, ask });
  }

  /**
   * That life of the actor is over there, or the actor is not there. All that was sent to that life goes to the next one, not
   * this message alone: the others are earlier or later, and their order counts.
   */
  #moved(from: Incarnation, { of, ask, generation }: RemoteMessage & { readonly type: 'moved' }): void {
    const { asks } = this.#parts;
    if (generation === null) this.#generations.forgetOne(of, from);
    else this.#generations.learn(of, from, generation);
    const open = ask > 0 ? asks.get(ask) : undefined;
    // This life has not taken this message. The node has sent it again already if `moved` came for another message before.
    if (open?.remote?.peer === from && open.remote.generation !== generation) open.isTaken = false;
    const held = this.#held.take(of);
    this.#sendAgain((to, sent) => to === of && sent.peer === from && sent.generation !== generation, held);
  }

  /** Held messages are later than those that have left. */
  #sendAgain(isConcerned: Parameters<Asks['recall']>[0], held: readonly Outgoing[]): void {
    const recalled = this.#parts.asks.recall(isConcerned);
    for (const { again } of recalled) again();
    for (const outgoing of held) this.#redeliver(outgoing);
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

  /**
   * Owners may have changed, and these peers are gone. Unanswered asks follow the actors that moved. Asks for what was bound to
   * a socket of a peer that is gone end.
   */
  placed(gone: readonly Incarnation[]): void {
    const { placement, asks } = this.#parts;
    for (const peer of gone) {
      this.#bury(peer);
      this.#generations.forget(peer);
      asks.failAt(peer, 'unreachable');
    }
    this.#sendAgain((to, { peer }) => placement.ownerOf(to) !== peer, this.#held.takeAll());
  }

  /** All that was on its way to a peer is lost at once. Unanswered messages are sent again, before anything later. */
  gaveUp(peer: Incarnation): void {
    this.#sendAgain((_, sent) => sent.peer === peer, []);
  }

  #bury(peer: Incarnation): void {
    this.#gone.add(peer);
    if (this.#gone.size <= GONE_MAX) return;
    for (const oldest of this.#gone) return void this.#gone.delete(oldest);
  }
}
