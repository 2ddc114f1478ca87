/** One life of a node, from the start of its process to its end: `{node}.{id}`. Two lives of a node never have the same. */
export type Incarnation = string;

/** Which node an actor lives on, for kinds of which the cluster has one each (D11). Answers at once. */
export interface Placement {
  /** This process. */
  readonly self: Incarnation;
  /** The owner of an address by now; undefined while it is not known. */
  ownerOf(address: string): Incarnation | undefined;
}
