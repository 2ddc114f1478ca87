import type { Asks } from './asks.ts';
import type { Cell } from './cell.ts';
import type { Letters } from './letters.ts';
import { Lives } from './lives.ts';
import { envelope as envelopeOf, type Envelope } from './mailbox.ts';
import type { Answer, DeadLetterReason, Lane } from './ports/actor.ts';
import type { Bus, RemoteLetter, RemoteMessage } from './ports/bus.ts';
import type { Clock } from './ports/clock.ts';
import type { Incarnation, Placement } from './ports/placement.ts';
import type { Timer, TimerOwner, TimerWheel } from './timers.ts';

/** A letter before it leaves. */
export interface Outgoing {
  readonly to: string;
  readonly envelope: Envelope;
  readonly lane: Lane;
  readonly key: string | undefined;
}

/** Letters for one actor that wait until its life is known; how many, and how long. */
const HELD_MAX = 256;
const HELD_MS = 3_000;

interface Held {
  readonly peer: Incarnation;
  readonly letters: Outgoing[];
  readonly timer: Timer;
}

/** What becomes of letters on this node. */
interface LocalDeliveries {
  readonly letters: Letters;
  deliver(to: string, letter: Envelope, lane: Lane, key?: string): void;
  refuse(letter: Envelope, to: string, reason: DeadLetterReason): void;
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
 * Letters to and from other nodes.
 *
 * - A letter to an actor of which the cluster has one names the life that it is for. While the sender does not know that life
 *   it asks for it and holds the letter. A letter for another life is not taken; an ask is sent again to the life that is told.
 * - An ask from another node is an ask of this one whose answer goes back there: it ends by the same rules, exactly once.
 * - An ask that has left counts as taken until its answer says otherwise: it may have been carried out.
 */
export class Remote implements TimerOwner {
  readonly #parts: Parts;
  readonly #lives = new Lives();
  readonly #held = new Map<string, Held>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A letter for an actor of the cluster, or, with `life` null, for one that is bound to a socket. */
  send(peer: Incarnation, letter: Outgoing, isBound: boolean): void {
    const life = isBound ? null : this.#lives.of(letter.to, peer);
    if (life === undefined) this.#hold(peer, letter);
    else this.#sendTo(peer, letter, life);
  }

  publish(peer: Incarnation, to: string, message: unknown): void {
    this.#parts.bus.send(peer, { type: 'publication', to, message });
  }

  #sendTo(peer: Incarnation, letter: Outgoing, life: string | null): void {
    const { bus, asks, clock, deliveries } = this.#parts;
    const { to, envelope, lane, key } = letter;
    const { ask, from, message } = envelope;
    const open = ask > 0 ? asks.get(ask) : undefined;
    // Its asker waits no longer.
    if (ask > 0 && !open) return deliveries.refuse(envelope, to, 'late');
    const remainingMs = ask > 0 ? envelope.deadline - clock.now() : 0;
    if (!bus.send(peer, { type: 'letter', to, from, lane, key, message, ask, remainingMs, life }))
      return deliveries.refuse(envelope, to, 'unreachable');
    deliveries.letters.offered++;
    deliveries.letters.sent++;
    if (!open) return;
    open.isTaken = true;
    open.remote = { peer, again: () => deliveries.deliver(to, envelope, lane, key) };
  }

  // --- lives

  #hold(peer: Incarnation, letter: Outgoing): void {
    const { bus, deliveries, wheel } = this.#parts;
    const { to, envelope } = letter;
    let held = this.#held.get(to);
    // The actor is to live elsewhere by now: what waits follows.
    if (held && held.peer !== peer) this.#releaseAll(to, (one) => this.#redeliver(one));
    held = this.#held.get(to);
    if (held) {
      if (held.letters.length >= HELD_MAX) return deliveries.refuse(envelope, to, 'overflow');
      return void held.letters.push(letter);
    }
    if (!bus.send(peer, { type: 'whois', to })) return deliveries.refuse(envelope, to, 'unreachable');
    this.#held.set(to, { peer, letters: [letter], timer: wheel.arm(this, to, HELD_MS) });
  }

  #redeliver({ to, envelope, lane, key }: Outgoing): void {
    this.#parts.deliveries.deliver(to, envelope, lane, key);
  }

  #releaseAll(address: string, each: (letter: Outgoing) => void): void {
    const held = this.#held.get(address);
    if (!held) return;
    this.#held.delete(address);
    this.#parts.wheel.disarm(held.timer);
    for (const letter of held.letters) each(letter);
  }

  /** Nobody has said which life it is. If the actor is to live elsewhere by now, what waits follows it. */
  timerDue({ name }: Timer): void {
    const { placement, deliveries } = this.#parts;
    const peer = this.#held.get(name)?.peer;
    this.#releaseAll(name, (letter) => {
      if (placement.ownerOf(name) === peer) deliveries.refuse(letter.envelope, name, 'unreachable');
      else this.#redeliver(letter);
    });
  }

  // --- what comes

  received(from: Incarnation, batch: readonly RemoteMessage[]): void {
    for (const message of batch) this.#received(from, message);
  }

  #received(from: Incarnation, message: RemoteMessage): void {
    const { asks, deliveries } = this.#parts;
    switch (message.type) {
      case 'letter':
        return this.#letter(from, message);
      case 'answer':
        return asks.answeredBy(from, message.ask, message.answer);
      case 'publication':
        return deliveries.tellIfAlive(message.to, message.message);
      case 'whois': {
        const cell = this.#own(message.to);
        if (cell) this.#say(from, { type: 'life', of: message.to, life: this.#lifeOf(cell) });
        return;
      }
      case 'life':
        this.#lives.learn(message.of, from, message.life);
        return this.#releaseAll(message.of, (letter) => this.#redeliver(letter));
      case 'moved':
        this.#lives.learn(message.of, from, message.life);
        return this.#moved(from, message);
    }
  }

  #letter(from: Incarnation, letter: RemoteLetter): void {
    const { to, ask, life } = letter;
    if (life === null) return this.#take(from, letter);
    const cell = this.#own(to);
    if (!cell) return this.#refuse(from, ask);
    if (this.#lifeOf(cell) === life) return this.#take(from, letter);
    this.#say(from, { type: 'moved', of: to, life: this.#lifeOf(cell), ask });
  }

  #take(peer: Incarnation, letter: RemoteLetter): void {
    const { asks, clock, deliveries } = this.#parts;
    const { to, from, message, lane, key, ask, remainingMs } = letter;
    if (ask === 0) return deliveries.deliver(to, envelopeOf(from, message), lane, key);
    const settle = (answer: Answer<unknown>): void => this.#say(peer, { type: 'answer', ask, answer });
    const open = asks.open(to, { now: clock.now(), deadlineMs: Math.max(0, remainingMs) }, settle);
    deliveries.deliver(
      to,
      { ...envelopeOf(from, message), ask: open.id, deadline: open.deadline },
      lane,
      key,
    );
  }

  /** It is not for this node to take. */
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

  /** An actor that is this node's to have, started if need be. */
  #own(address: string): Cell | undefined {
    const { placement, deliveries } = this.#parts;
    return placement.ownerOf(address) === placement.self ? deliveries.activate(address) : undefined;
  }

  #lifeOf(cell: Cell): string {
    return `${this.#parts.placement.self}/${cell.generation}`;
  }

  #say(peer: Incarnation, message: RemoteMessage): void {
    // Who cannot be reached any more asks nobody.
    this.#parts.bus.send(peer, message);
  }

  /** This life of a peer is over: asks to it end, and what waits for it. */
  peerDown(peer: Incarnation): void {
    this.#lives.forget(peer);
    for (const [address, held] of [...this.#held])
      if (held.peer === peer) this.#releaseAll(address, (letter) => this.#redeliver(letter));
    this.#parts.asks.failAt(peer, 'unreachable');
  }
}
