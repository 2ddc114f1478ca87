import type { Incarnation } from './ports/placement.ts';

/** Lives of actors on other nodes that are remembered. One that is forgotten is asked for again. */
const LIVES_MAX = 65_536;

/** Which life of an actor on another node takes letters, as far as is known. */
export class Lives {
  readonly #known = new Map<string, { readonly peer: Incarnation; readonly life: string }>();

  of(address: string, peer: Incarnation): string | undefined {
    const known = this.#known.get(address);
    return known?.peer === peer ? known.life : undefined;
  }

  learn(address: string, peer: Incarnation, life: string): void {
    // The one learned longest ago makes room.
    this.#known.delete(address);
    this.#known.set(address, { peer, life });
    if (this.#known.size <= LIVES_MAX) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }

  /** Those of a peer that is gone. */
  forget(peer: Incarnation): void {
    for (const [address, known] of this.#known) if (known.peer === peer) this.#known.delete(address);
  }
}
