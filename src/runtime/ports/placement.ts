/** One run of a node's process, from its start to its end: `{node}.{id}`. Two runs of a node never share one. */
export type Incarnation = string;

/** Which node an actor lives on, for kinds with one actor per cluster (D11). Answers at once. */
export interface Placement {
  /** This process. */
  readonly self: Incarnation;
  /** The node that owns an address now; undefined while it is unknown. */
  ownerOf(address: string): Incarnation | undefined;
}
