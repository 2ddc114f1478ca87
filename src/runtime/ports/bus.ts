import type { Answer, Lane } from './actor.ts';
import type { Incarnation } from './placement.ts';

/** A message for an actor on another node. */
export interface RemoteEnvelope {
  readonly type: 'envelope';
  readonly to: string;
  readonly from: string;
  readonly lane: Lane;
  /** A newer `latest` message replaces the older one with the same key. */
  readonly key: string | undefined;
  readonly message: unknown;
  /**
   * The number of the ask to answer, which is unique with the sender's incarnation; 0 for a tell to an actor that is bound to
   * a socket.
   */
  readonly ask: number;
  /** A tell to an actor of the cluster. The node answers for the actor as soon as the message waits for it. */
  readonly isTell: boolean;
  /** How long the asker still waits, in milliseconds from sending. Nodes do not compare their clocks. */
  readonly remainingMs: number;
  /** The generation of the actor that the message is for (D13); null for an actor that is bound to a socket. */
  readonly generation: string | null;
}

/** Everything that one node says to another. */
export type RemoteMessage =
  | RemoteEnvelope
  /** From the generation that the ask was for. */
  | {
      readonly type: 'answer';
      readonly ask: number;
      readonly answer: Answer<unknown>;
      readonly generation: string | null;
    }
  /** For the actor at `to` if it is alive. An actor that starts later does not need it. */
  | { readonly type: 'publication'; readonly to: string; readonly message: unknown }
  /** Asks for the generation of an actor. The peer starts the actor if needed and answers with `generation`. */
  | { readonly type: 'whois'; readonly to: string }
  | { readonly type: 'generation'; readonly of: string; readonly generation: string }
  /**
   * The peer did not take a message, because it was for another generation, or because the actor does not live there (null).
   * `ask` is the message's.
   */
  | { readonly type: 'moved'; readonly of: string; readonly generation: string | null; readonly ask: number };

/** What a bus reports to its node. The bus never calls these from within a call of its own. */
export interface BusEvents {
  /** Batches of one peer arrive in the order in which it sent them, each at most once. */
  received(from: Incarnation, batch: readonly RemoteMessage[]): void;
  /** The bus lost something that the peer sent. What the peer sends afterwards still arrives. */
  hole(peer: Incarnation): void;
  /** The bus has just given up all that was on its way to the peer. */
  gaveUp(peer: Incarnation): void;
  /** The bus lost something that this node sent to the peer, and reaches the peer again. */
  lost(peer: Incarnation): void;
  /** Whether messages of other nodes reach this one has changed. It begins with false. */
  heard(isHeard: boolean): void;
}

/**
 * The connection to the other nodes. It keeps the order within each pair of incarnations and delivers at most once. It does
 * not know who lives: that is the leases' (D11).
 */
export interface Bus {
  /** Sets who receives the events. The node calls it once, before anything else. */
  connect(events: BusEvents): void;
  /**
   * Queues the message behind earlier ones for the same peer. Returns false, and sends nothing, when there is no way to the
   * peer. True promises nothing.
   */
  send(peer: Incarnation, message: RemoteMessage): boolean;
  /** Sends what is queued, as one batch for each peer. The scheduler calls it after each slice. */
  flush(): void;
  /** The other processes that live. The bus takes nothing from any other, and forgets what is for any other. */
  know(peers: readonly Incarnation[]): void;
}
