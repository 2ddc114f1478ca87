import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import type { Effect } from './ports/actor.ts';

/**
 * Who watches the actors: checkers, and whoever draws them. Told of each step after its effects were carried out.
 * An observer changes nothing; without one nothing is done for it.
 */
export interface Observer {
  /** An actor begins a life: its first, or the next one after a crash. */
  started(cell: Cell, effects: readonly Effect[]): void;
  stepped(cell: Cell, letter: Envelope, effects: readonly Effect[]): void;
  /** A step threw; nothing of it was carried out. */
  crashed(cell: Cell, letter: Envelope | undefined): void;
  stopped(cell: Cell): void;
}
