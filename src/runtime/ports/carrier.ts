import type { Incarnation } from './placement.ts';

/** What a carrier reports. It never calls these from within a call of its own. */
export interface CarrierEvents {
  /** A text from the inbox of this process. Any client of Redis may have put it there. */
  received(text: string): void;
  /** About ten times a second. */
  tick(): void;
}

/** Carries texts into the inboxes of processes. It may lose, repeat, delay and reorder them: links mend that (D13). */
export interface Carrier {
  /** Sets who receives the events. It is called once, before anything else. */
  connect(events: CarrierEvents): void;
  /** Calls `done` once, within 2 s: whether the text is on its way. Even then it may not arrive. */
  publish(inbox: Incarnation, text: string, done: (isPublished: boolean) => void): void;
  /** What the process has sent to itself has come back lately. */
  readonly isUp: boolean;
}

/** Shows that a text comes from a node of the cluster (RC4). */
export interface Sealer {
  seal(text: string): string;
  /** The text; undefined when it was not sealed with the secret of the cluster, or is not whole. */
  open(sealed: string): string | undefined;
}
