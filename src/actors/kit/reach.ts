/**
 * Whether other nodes can be reached, as this node's clients hear it. The keeper of the view notes it when it tells them. A
 * connection reads it for a client that comes later.
 */
export interface Reach {
  isReached: boolean;
}
