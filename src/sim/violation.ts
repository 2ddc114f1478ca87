/** A promise that did not hold: which invariant (ARCHITECTURE.md numbers them), and what was found. */
export interface Violation {
  readonly invariant: number;
  readonly text: string;
  /** Virtual milliseconds. */
  readonly at: number;
}

/** Tells of a violation. Only the first of a run counts: what follows may follow from it. */
export type Violate = (invariant: number, text: string) => void;
