/** A broken promise: its invariant (ARCHITECTURE.md numbers them), and what was found. */
export interface Violation {
  readonly invariant: number;
  readonly text: string;
  /** Virtual milliseconds. */
  readonly at: number;
}

/** Reports a violation. Only the first of a run counts, because later ones may follow from it. */
export type Violate = (invariant: number, text: string) => void;
