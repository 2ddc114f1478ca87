import type { Claims } from './tokens.ts';

/** The way of sockets into the core. All calls return at once. */
export interface Inbox {
  /** A client whose token is good; its number names it from here on, on this node and in this process. */
  opened(claims: Claims): number;
  /** A text frame. `full`: it was not taken, and never will be. `crowded`: it was; stop reading until `whenDrained`. */
  frame(connection: number, text: string): 'taken' | 'crowded' | 'full';
  /** Calls once when the connection has worked off most of its frames. */
  whenDrained(connection: number, goOn: () => void): void;
  /** A ping or a pong came from who was listened to. A sign of life is a time, and read when it is needed: no other is told. */
  heard(connection: number): void;
  /** The client went on over its budgets (LM11): its socket is being closed, and nothing more is read of it. */
  abused(connection: number): void;
  /** The socket is over; nothing more will come of it. Overtakes all that waits. */
  closed(connection: number, code: number): void;
  /** The socket holds more than its outbound limit; and less than half of it again. */
  congested(connection: number): void;
  drained(connection: number): void;
}
