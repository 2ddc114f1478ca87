import type { EdgeEffect } from './effects.ts';
import type { Incarnation, View } from './placement.ts';

declare const understands: unique symbol;

/**
 * An actor's stable name: `{kind}:{id}`. The type parameter is the messages that the actor understands. It exists for the
 * compiler only, which rejects a wrong message to an address.
 */
export type Address<Message = never> = string & { readonly [understands]: (message: Message) => void };

declare const answeredWith: unique symbol;
declare const awaits: unique symbol;

/** A message that an actor answers with `Body` when it is asked. The mark exists for the compiler only. */
export interface Question<Body> {
  readonly [answeredWith]?: Body;
}

/** The body of the answer to `Sent`, one of the messages that an actor understands. `never`: no answer is declared. */
export type AnswerTo<Message, Sent> =
  Message extends Question<infer Body> ? (Sent extends Message ? Body : never) : never;

/** Rejects a field that no message of the actor has: a type parameter alone accepts it. */
export type OnlyKnownFields<Message, Sent> = {
  readonly [Field in Exclude<FieldOf<Sent>, FieldOf<Message>>]: never;
};
type FieldOf<Message> = Message extends unknown ? keyof Message : never;

/**
 * The context of an ask, which comes back with an answer of `Body`. The mark exists for the compiler only, which rejects the
 * context beside a message with another answer.
 */
export interface Awaits<Body> {
  readonly [awaits]?: (body: Body) => void;
}

/** A context that goes with a message whose answer is `Body`; `never` for a message without a declared answer. */
export type ContextFor<Body> = [Body] extends [never] ? never : Awaits<Body>;

/** The body of the answer that comes back with a context. */
export type AwaitedBy<Context> = Context extends Awaits<infer Body> ? Body : unknown;

/** Where the answer to an `ask` goes. It is plain data, so an actor can store it beyond the step. */
export interface ReplyTo {
  readonly ask: number;
  readonly from: string;
}

/**
 * How an ask ended. Without a reply, `taken` says whether the request reached the actor. If it did, the actor may have
 * carried it out; if it did not, the actor never will.
 */
export type Answer<Body> =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly taken: boolean; readonly reason: DeadLetterReason };

/** Why no actor handled a message. */
export type DeadLetterReason =
  | 'no_actor'
  | 'stopped'
  | 'overflow'
  | 'expired'
  | 'crashed'
  | 'poison'
  | 'quarantined'
  | 'late'
  /** The node of the actor is unknown. */
  | 'unplaced'
  /** The node of the actor cannot be reached, or no longer. */
  | 'unreachable'
  /** The message was for an earlier generation of the actor. */
  | 'moved';

/** One of the actor's own timers is due. */
export interface TimerFired {
  readonly type: 'timer';
  readonly timer: string;
}

/**
 * One of the actor's own asks has ended. `context` is what the actor passed along. It arrives exactly once, by the
 * deadline.
 */
export interface Answered<Context = unknown> {
  readonly type: 'answer';
  readonly context: Context;
  readonly answer: Answer<AwaitedBy<Context>>;
}

/** What a step gets beside state and message. The runtime reuses it, so a step keeps no reference to it. */
export interface Turn {
  readonly self: string;
  /** The number of this step on the node. */
  readonly step: number;
  /** Milliseconds of a clock that only runs forward. */
  readonly now: number;
  /** Milliseconds since 1970, for people and other machines. This clock may jump. */
  readonly wall: number;
  /** Set when the message is an ask. */
  readonly replyTo: ReplyTo | undefined;
  /** When the asker stops waiting, on the clock of `now`; infinite for a tell. */
  readonly deadline: number;
  /** A fresh UUID (version 7). */
  newId(): string;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number;
}

/**
 * The mailbox yields `system` messages before `user` messages. `latest` keeps one message per key and comes last. A message
 * that names no lane is a `system` message.
 */
export type Lane = 'system' | 'user' | 'latest';

/** Effects that the runtime itself carries out. */
type RuntimeEffect =
  | {
      readonly type: 'tell';
      readonly to: string;
      readonly message: unknown;
      readonly lane: Lane | undefined;
      readonly key: string | undefined;
    }
  /** To every actor of a kind on this node: for the rare events that concern all of them. */
  | { readonly type: 'tellLocalKind'; readonly kind: string; readonly message: unknown }
  /**
   * To the actor at an address on each of these nodes, or on all (other) nodes that are known to live, if it is alive there.
   * Each node gets them in order.
   */
  | {
      readonly type: 'publish';
      readonly to: string;
      readonly nodes: readonly Incarnation[] | 'all' | 'others';
      readonly message: unknown;
    }
  /** From here on actors of the cluster live where this view says, these other nodes live, and these are over. */
  | {
      readonly type: 'place';
      readonly view: View | undefined;
      readonly peers: readonly Incarnation[];
      readonly gone: readonly Incarnation[];
    }
  | {
      readonly type: 'ask';
      readonly to: string;
      readonly message: unknown;
      readonly lane: Lane | undefined;
      readonly deadlineMs: number;
      readonly context: unknown;
    }
  | { readonly type: 'reply'; readonly to: ReplyTo; readonly body: unknown }
  | { readonly type: 'arm'; readonly timer: string; readonly delayMs: number }
  | { readonly type: 'disarm'; readonly timer: string }
  /** A message to the actor itself, behind everything that is queued on the node now. */
  | { readonly type: 'afterQueue'; readonly message: unknown }
  /** Stops taking user messages. `release` takes them again. */
  | { readonly type: 'hold' }
  | { readonly type: 'release' }
  /** The actor has ended. What still waits in its mailbox starts the next generation, or becomes a dead letter. */
  | { readonly type: 'stop' };

export type Effect = RuntimeEffect | EdgeEffect;

/**
 * Where the actors of a kind live, and how they start.
 *
 * - `cluster`: one per address in the cluster, on the node that {@link Placement} names. Its first message starts it.
 * - `node`: one per address on every node. Its first message starts it.
 * - `socket`: on the node that has the socket, which its address names. The inbox spawns it.
 */
export type ActorPlacement = 'cluster' | 'node' | 'socket';

/**
 * What the supervisor does with an actor whose step threw (D5).
 *
 * - `stop`: the actor's `onFailure` runs, and it is over.
 * - `restart`: after a pause its next generation starts from nothing.
 * - `handOver`: after a pause its next generation starts from what the behaviour saves of the one that crashed. After a second
 *   crash over one message, or too many crashes, the actor's `onFailure` runs and it starts from nothing.
 */
export type Supervision = 'stop' | 'restart' | 'handOver';

/** A state of a chart, with its transitions. */
export interface StateNode {
  readonly name: string;
  readonly isFinal: boolean;
  /** Timers that are armed in this state (invariant 12). */
  readonly timers: ReadonlySet<string>;
  readonly edges: Readonly<Record<string, { readonly to: StateNode; readonly isHandled: boolean }>>;
}

/** The state that an actor is in on one of its charts. */
export interface Lifecycle {
  readonly chart: string;
  readonly state: StateNode;
}

/** A generation that crashed, for the one after it. The step that threw may have changed half of the state. */
export interface Crashed<State> {
  readonly state: State;
  /** The step that threw, see {@link Turn.step}. */
  readonly step: number;
}

/** An actor's identity at its start. */
export interface StartContext<Init = undefined> {
  readonly address: string;
  /** The part of the address after the kind. */
  readonly id: string;
  readonly init: Init;
  /** True when an earlier generation under this address crashed. */
  readonly restarted: boolean;
}

/**
 * A kind of actor: `State × Message → State', Effect[]`, synchronously (D1).
 *
 * A step owns its state and changes it in place. When the step throws, the runtime discards the state and carries out none
 * of its effects. For all other actors the step has not happened.
 */
export interface Behaviour<State, Message, Init = undefined, Context = unknown> {
  readonly kind: string;
  /** User messages that may wait. The mailbox refuses one more (LM8). */
  readonly mailboxMax: number;
  /** System messages that may wait, 262,144 by default. What the actor asks and arms bounds them, so one more is a bug. */
  readonly systemMax?: number;
  readonly supervision: Supervision;
  readonly placement: ActorPlacement;
  /** Whether a message concerns the node that it was sent on only. It is a dead letter when the actor lives elsewhere. */
  staysOnNode?(message: Message): boolean;
  /** `crashed`: with `handOver` supervision the generation before. */
  start(
    context: StartContext<Init>,
    turn: Turn,
    crashed?: Crashed<State>,
  ): readonly [State, readonly Effect[]];
  step(state: State, message: Message | TimerFired | Answered<Context>, turn: Turn): readonly Effect[];
  /** Its state on each of its charts, always in the same order: for observers. */
  chartStates?(state: State): readonly Lifecycle[];
  /** Effects on behalf of an actor that crashed and is over. The state may be inconsistent here. */
  onFailure?(state: State, turn: Turn): readonly Effect[];
}
