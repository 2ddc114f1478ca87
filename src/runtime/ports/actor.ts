import type { EdgeEffect } from './effects.ts';
import type { Incarnation } from './placement.ts';

declare const understands: unique symbol;

/**
 * An actor's stable name: `{kind}:{id}`. The type parameter is what the actor understands;
 * it exists for the compiler only, so that a wrong message to an address does not compile.
 */
export type Address<Message = never> = string & { readonly [understands]: (message: Message) => void };

/** Where an answer to an `ask` goes. It is data: it may wait in a state, and it outlives the step. */
export interface ReplyTo {
  readonly ask: number;
  readonly from: string;
}

/**
 * How an ask ended. Without a reply, `taken` says whether the request ever reached the actor: if it did,
 * it may have been carried out; if not, it never will be.
 */
export type Answer<Body> =
  | { readonly ok: true; readonly body: Body }
  | { readonly ok: false; readonly taken: boolean; readonly reason: DeadLetterReason };

/** Why a message was not handled. */
export type DeadLetterReason =
  | 'no_actor'
  | 'stopped'
  | 'overflow'
  | 'expired'
  | 'crashed'
  | 'poison'
  | 'quarantined'
  | 'late'
  /** Nobody knows which node the actor lives on. */
  | 'unplaced'
  /** There is no way to the node that it lives on, or none any more. */
  | 'unreachable'
  /** It was for a life of the actor that is over. */
  | 'moved';

/** A timer of the actor's own has come due. */
export interface TimerFired {
  readonly type: 'timer';
  readonly timer: string;
}

/** An ask of the actor's own is over; `context` is what the actor gave along. Comes exactly once, by the deadline. */
export interface Answered<Context = unknown, Body = unknown> {
  readonly type: 'answer';
  readonly context: Context;
  readonly answer: Answer<Body>;
}

/** What a step is handed beside state and message. It is reused: nothing of it may be kept, and nothing else may be asked. */
export interface Turn {
  readonly self: string;
  /** Milliseconds of a clock that only runs forward. */
  readonly now: number;
  /** Milliseconds since 1970, for people and other machines; may jump. */
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

/** `system` is taken before `user`; `latest` keeps one message a key and is taken last. */
export type Lane = 'system' | 'user' | 'latest';

/** Effects that the runtime itself carries out. */
type RuntimeEffect =
  | {
      readonly type: 'tell';
      readonly to: string;
      readonly message: unknown;
      readonly lane: Lane;
      readonly key: string | undefined;
    }
  /** To every actor of a kind on this node: for the rare events that concern all. */
  | { readonly type: 'tellAll'; readonly kind: string; readonly message: unknown }
  /** To the actor at an address on each of these nodes, if it lives there; in order for each node. */
  | {
      readonly type: 'publish';
      readonly to: string;
      readonly nodes: readonly Incarnation[];
      readonly message: unknown;
    }
  | {
      readonly type: 'ask';
      readonly to: string;
      readonly message: unknown;
      readonly lane: Lane;
      readonly deadlineMs: number;
      readonly context: unknown;
    }
  | { readonly type: 'reply'; readonly to: ReplyTo; readonly body: unknown }
  | { readonly type: 'arm'; readonly timer: string; readonly delayMs: number }
  | { readonly type: 'disarm'; readonly timer: string }
  /** A message to oneself, after everything that is queued anywhere now. */
  | { readonly type: 'soon'; readonly message: unknown }
  /** Stop taking user messages, and take them again. */
  | { readonly type: 'hold' }
  | { readonly type: 'release' }
  /** The actor is done. What still waits in its mailbox starts a new life, or is a dead letter. */
  | { readonly type: 'stop' };

export type Effect = RuntimeEffect | EdgeEffect;

/**
 * Where the actors of a kind live, and how they begin.
 *
 * - `cluster`: one for each address in the cluster, on the node that {@link Placement} names; starts with its first message.
 * - `node`: one for each address on every node; starts with its first message.
 * - `socket`: on the node that has the socket, which its address names; spawned.
 */
export type ActorPlacement = 'cluster' | 'node' | 'socket';

/** What becomes of an actor whose step threw (D5). */
export type Supervision = 'stop' | 'restart';

/** A state of a chart, with the ways out of it. */
export interface LifeState {
  readonly name: string;
  readonly isFinal: boolean;
  /** Timers that are armed in it (invariant 12). */
  readonly timers: ReadonlySet<string>;
  readonly edges: Readonly<Record<string, { readonly to: LifeState; readonly isHandled: boolean }>>;
}

/** Where an actor is on one of its charts. */
export interface Life {
  readonly chart: string;
  readonly state: LifeState;
}

/** Who an actor is, when it starts. */
export interface Birth<Init = undefined> {
  readonly address: string;
  /** The part of the address after the kind. */
  readonly id: string;
  readonly init: Init;
  /** True when an earlier life under this address crashed. */
  readonly restarted: boolean;
}

/**
 * A kind of actor: `State × Message → State', Effect[]`, synchronously (D1).
 *
 * A step owns its state and changes it in place. When it throws, the state is thrown away with it and
 * none of its effects is carried out: to everyone else the step has not happened.
 */
export interface Behaviour<State, Message, Init = undefined> {
  readonly kind: string;
  /** User messages that may wait; one more is refused (LM8). */
  readonly mailboxMax: number;
  /** System messages that may wait: what it asks, arms and is on bounds them, and one more is a bug. 262,144 unless given. */
  readonly systemMax?: number;
  readonly supervision: Supervision;
  readonly placement: ActorPlacement;
  start(birth: Birth<Init>, turn: Turn): readonly [State, readonly Effect[]];
  step(state: State, message: Message | TimerFired | Answered, turn: Turn): readonly Effect[];
  /** Where it is on its charts, always in the same order: for those who watch it. */
  lives?(state: State): readonly Life[];
  /** Said on behalf of an actor that crashed and will not be restarted. Must not rely on the state being whole. */
  lastWords?(state: State, turn: Turn): readonly Effect[];
}
