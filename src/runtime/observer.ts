import type { Cell } from './cell.ts';
import type { Envelope } from './mailbox.ts';
import type { Effect } from './ports/actor.ts';

/**
 * Watches the actors, for checkers and for the inspector. The runtime calls it after the effects of each step. An observer
 * changes nothing, and without one the runtime does no work for it.
 */
export interface Observer {
  /** A generation of an actor begins: the first, or the next one after a crash. */
  started(cell: Cell, effects: readonly Effect[]): void;
  stepped(cell: Cell, envelope: Envelope, effects: readonly Effect[]): void;
  /** A step threw. The runtime carried out none of its effects. */
  crashed(cell: Cell, envelope: Envelope | undefined): void;
  stopped(cell: Cell): void;
}
