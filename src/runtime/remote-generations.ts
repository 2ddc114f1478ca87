import type { Incarnation } from './ports/placement.ts';

/** Remembered generations of actors on other nodes. The node asks again for one that it has forgotten. */
const GENERATIONS_MAX = 65_536;

/** The generations of actors on other nodes, as far as this node knows. */
export class RemoteGenerations {
  readonly #known = new Map<string, { readonly peer: Incarnation; readonly generation: string }>();

  of(address: string, peer: Incarnation): string | undefined {
    const known = this.#known.get(address);
    return known?.peer === peer ? known.generation : undefined;
  }

  learn(address: string, peer: Incarnation, generation: string): void {
    // The generation learned longest ago makes room.
    this.#known.delete(address);
    this.#known.set(address, { peer, generation });
    if (this.#known.size <= GENERATIONS_MAX) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }

  /** That actor is not on that peer. */
  forgetOne(address: string, peer: Incarnation): void {
    if (this.#known.get(address)?.peer === peer) this.#known.delete(address);
  }

  /** Forgets the generations on a peer that is gone. */
  forget(peer: Incarnation): void {
    for (const [address, known] of this.#known) if (known.peer === peer) this.#known.delete(address);
  }
}
