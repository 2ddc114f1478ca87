import type { Answer, Lane } from './actor.ts';
import type { Incarnation } from './placement.ts';

/** A message for an actor on another node. */
export interface RemoteLetter {
  readonly type: 'letter';
  readonly to: string;
  readonly from: string;
  readonly lane: Lane;
  /** What makes a `latest` message take the place of an older one. */
  readonly key: string | undefined;
  readonly message: unknown;
  /** With the sender's incarnation, the ask to answer; 0 for a tell. */
  readonly ask: number;
  /** How long the asker goes on waiting, in milliseconds from when this was sent: clocks are not compared. */
  readonly remainingMs: number;
  /** The life of the actor that it is for (D13); null for actors that are bound to a socket. */
  readonly life: string | null;
}

/** Everything that one node says to another. */
export type RemoteMessage =
  | RemoteLetter
  | { readonly type: 'answer'; readonly ask: number; readonly answer: Answer<unknown> }
  /** To the actor at `to` if it lives; of no use to one that does not. */
  | { readonly type: 'publication'; readonly to: string; readonly message: unknown }
  /** Which life of an actor takes letters? Answered by `life`; the actor is started if need be. */
  | { readonly type: 'whois'; readonly to: string }
  | { readonly type: 'life'; readonly of: string; readonly life: string }
  /** A letter was for another life and was not taken. `ask` as in the letter. */
  | { readonly type: 'moved'; readonly of: string; readonly life: string; readonly ask: number };

/** What a bus tells its node. Never called from within a call of the bus. */
export interface BusEvents {
  /** In the order in which `from` sent them, each at most once. */
  received(from: Incarnation, batch: readonly RemoteMessage[]): void;
  peerUp(peer: Incarnation): void;
  /** Nothing more comes of this life of a peer, and nothing reaches it. */
  peerDown(peer: Incarnation): void;
  /** Something that the peer sent is lost; what comes after it still comes. */
  hole(peer: Incarnation): void;
}

/** The way to the other nodes: in order for each pair of incarnations, at most once. */
export interface Bus {
  /** Whom it tells. Called once, before anything else. */
  connect(events: BusEvents): void;
  /** Queues behind what was queued for the peer before. False when there is no way to it: then it is not sent. */
  send(peer: Incarnation, message: RemoteMessage): boolean;
  /** What is queued leaves, as one batch for each peer. Called after each slice. */
  flush(): void;
}
