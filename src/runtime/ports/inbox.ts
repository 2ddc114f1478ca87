import type { Claims } from './tokens.ts';

/** The entry of sockets into the core. All calls return at once. */
export interface Inbox {
  /** A client with a valid token has connected. The number returned identifies it within this node's process. */
  opened(claims: Claims): number;
  /**
   * A text frame. `full`: the frame is refused for good. `crowded`: it is accepted, but stop reading until `whenDrained`.
   */
  frame(connection: number, text: string): 'taken' | 'crowded' | 'full';
  /** Calls `goOn` once when the connection has processed most of its frames. */
  whenDrained(connection: number, goOn: () => void): void;
  /**
   * A ping or pong arrived after `listen` asked for it. Other signs of life only update a time, which is read when needed.
   */
  heard(connection: number): void;
  /** The client kept exceeding its budgets (LM11). Its socket is being closed, and nothing more is read from it. */
  abused(connection: number): void;
  /** The socket has ended, and nothing more comes from it. This overtakes every message that waits. */
  closed(connection: number, code: number): void;
  /** The socket holds more than its outbound limit. `drained` follows once it holds less than half of it. */
  congested(connection: number): void;
  drained(connection: number): void;
}
