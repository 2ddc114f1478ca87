import type { Behaviour, Lifecycle, Turn } from '../../runtime/ports/actor.ts';

/** How an actor that only waits is reduced to what it has to remember, and made again from that. */
export interface Hibernation<State, Small> {
  /** The state from which the actor can be made again. Undefined while anything is under way. */
  hibernate(state: State, turn: Turn): Small | undefined;
  wake(small: Small, turn: Turn): State;
  /** The actor's states on its charts while it hibernates, as {@link Behaviour.chartStates}. */
  chartStates?(small: Small): readonly Lifecycle[];
}

/** What the runtime keeps of an actor. One of the two is defined. */
export class Hibernating<State, Small> {
  state: State | undefined;
  small: Small | undefined;

  constructor(state: State) {
    this.state = state;
    this.small = undefined;
  }

  awake(hibernation: Hibernation<State, Small>, turn: Turn): State {
    this.state ??= hibernation.wake(this.small as Small, turn);
    this.small = undefined;
    return this.state;
  }
}

/**
 * A behaviour whose actors hibernate, as processes of Erlang do. After each step an actor that only waits is reduced, and its
 * next message makes it again. For everything outside nothing changes: the actor keeps its address, its mailbox, its timers
 * and the states of its charts. An idle user costs two small objects this way, instead of a home and a relay with all their
 * parts.
 */
export function hibernating<State extends object, Message, Init, Small extends object, Context>(
  behaviour: Behaviour<State, Message, Init, Context>,
  hibernation: Hibernation<State, Small>,
): Behaviour<Hibernating<State, Small>, Message, Init, Context> {
  return {
    ...behaviour,
    start: (context, turn, crashed) => {
      const before = crashed && { state: crashed.state.awake(hibernation, turn), step: crashed.step };
      const [state, effects] = behaviour.start(context, turn, before);
      return [new Hibernating(state), effects];
    },
    step: (actor, message, turn) => {
      const state = actor.awake(hibernation, turn);
      const effects = behaviour.step(state, message, turn);
      actor.small = hibernation.hibernate(state, turn);
      if (actor.small) actor.state = undefined;
      return effects;
    },
    chartStates: ({ state, small }) =>
      (small ? hibernation.chartStates?.(small) : state && behaviour.chartStates?.(state)) ?? [],
    onFailure: (actor, turn) => behaviour.onFailure?.(actor.awake(hibernation, turn), turn) ?? [],
  };
}
