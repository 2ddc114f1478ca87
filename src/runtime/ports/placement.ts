/** One run of a node's process, from its start to its end: `{node}.{id}`. Two runs of a node never share one. */
export type Incarnation = string;

/** Names one state of the view. A database that lost its end may give a version twice, but never a stamp. */
export interface ViewStamp {
  readonly version: number;
  /** A random UUID that each change brings. */
  readonly stamp: string;
}

/** Which process has which of the 1,024 shards of channels (D11). */
export interface View extends ViewStamp {
  /** The processes that have shards, each once. */
  readonly nodes: readonly Incarnation[];
  /** For each shard the place of its process in `nodes`. */
  readonly shards: readonly number[];
}

/** Which node an actor lives on, for kinds with one actor per cluster (D11). Answers at once. */
export interface Placement {
  /** This process. */
  readonly self: Incarnation;
  /** The node that owns an address now; undefined while it is unknown. */
  ownerOf(address: string): Incarnation | undefined;
  /** From here on the owners are those of this view. A node without peers has no views. */
  adopt(view: View): void;
}
