import {
  createEmptyActor,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type ExecutableActionObject,
} from 'xstate';

/** The effects of entering, leaving or passing through states, as data. */
export type ChartEffect =
  | { readonly type: 'arm'; readonly timer: string }
  | { readonly type: 'disarm'; readonly timer: string }
  | { readonly type: 'do'; readonly action: string; readonly params: Readonly<Record<string, unknown>> };

/** One entry of the table: the effect of an event in a state. */
interface Edge {
  readonly to: ChartState;
  readonly effects: readonly ChartEffect[];
  /** False when the state does not listen to the event: nothing happens. */
  readonly isHandled: boolean;
}

/** A state of a lifecycle. There is one object per state and chart, so states are compared by identity. */
export interface ChartState {
  /** Dotted for nested states: `suspect.lost`. */
  readonly name: string;
  /** The part before the first dot, which is what other actors see. */
  readonly phase: string;
  readonly isFinal: boolean;
  readonly tags: ReadonlySet<string>;
  /** Timers that are armed while in this state (invariant 12). */
  readonly timers: ReadonlySet<string>;
  /** By event; a timer's event has the timer's name. */
  readonly edges: Readonly<Record<string, Edge>>;
}

/**
 * A machine explored into a table (D2): an event costs two property look-ups.
 * XState stays the only definition; the table has its behaviour, written down once at start.
 */
export interface Chart {
  readonly machine: AnyStateMachine;
  readonly initial: ChartState;
  /** Effects of entering the initial state. */
  readonly initialEffects: readonly ChartEffect[];
  readonly states: ReadonlyMap<string, ChartState>;
  /** Events and timers it listens to. */
  readonly events: readonly string[];
}

/** Raised when a machine cannot be a built-in lifecycle: a mistake in its source, found at start. */
export class ChartError extends Error {}

const AFTER = /^xstate\.after\.([^.]+)\./;

/** The name of the delay in `xstate.after.{delay}.{state}`; a delay's name has no dots. */
export function timerName(afterEvent: string): string {
  const name = AFTER.exec(afterEvent)?.[1];
  if (!name) throw new ChartError(`${afterEvent} is not the event of a named delay`);
  return name;
}

/** One step of the machine itself, with effects as data; the machine's interpreter is not involved. */
export function stepMachine(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: { readonly type: string },
): readonly [AnyMachineSnapshot, readonly ChartEffect[]] {
  // `transition` does not look at the status: a finished machine would go on.
  if (snapshot.status !== 'active') return [snapshot, []];
  const { scope, taken } = inertScope();
  const next = machine.transition(snapshot, event, scope);
  return [next, taken.flatMap(toEffect)];
}

/** The initial snapshot, with the effects of entering it. */
export function startMachine(
  machine: AnyStateMachine,
): readonly [AnyMachineSnapshot, readonly ChartEffect[]] {
  const { scope, taken } = inertScope();
  const snapshot = machine.getInitialSnapshot(scope, undefined);
  return [snapshot, taken.flatMap(toEffect)];
}

function inertScope(): { scope: AnyActorScope; taken: ExecutableActionObject[] } {
  const self = createEmptyActor();
  const taken: ExecutableActionObject[] = [];
  const scope = {
    self,
    id: '',
    sessionId: '',
    system: self.system,
    logger: () => {},
    defer: () => {},
    emit: () => {},
    stopChild: () => {},
    actionExecutor: (action: ExecutableActionObject) => void taken.push(action),
  } as unknown as AnyActorScope;
  return { scope, taken };
}

function toEffect(action: ExecutableActionObject): readonly ChartEffect[] {
  const params = (action.params ?? {}) as Record<string, unknown>;
  if (action.type === 'xstate.raise') {
    // Without a delay it was consumed in the same step. An unknown delay looks like that too; see checkDelays.
    return typeof params['delay'] === 'number'
      ? [{ type: 'arm', timer: timerName(String(params['id'])) }]
      : [];
  }
  if (action.type === 'xstate.cancel')
    return [{ type: 'disarm', timer: timerName(String(params['sendId'])) }];
  if (action.type.startsWith('xstate.'))
    throw new ChartError(`${action.type} has no place in a built-in lifecycle`);
  return [{ type: 'do', action: action.type, params }];
}

/** Explores a machine. Throws a {@link ChartError} when it is not one whose whole behaviour is a table. */
export function explore(machine: AnyStateMachine): Chart {
  const nodes = nodesOf(machine.root);
  nodes.forEach((node) => checkNode(machine, node));
  const timers = new Set(nodes.flatMap((node) => node.after.map((after) => timerName(after.eventType))));
  const plain = machine.events.filter((event) => !AFTER.test(event));
  const events = [...plain, ...timers];

  const states = new Map<string, Mutable<ChartState>>();
  const queue: { readonly state: Mutable<ChartState>; readonly snapshot: AnyMachineSnapshot }[] = [];
  const visit = (snapshot: AnyMachineSnapshot): ChartState => {
    const name = stateName(snapshot.value);
    let state = states.get(name);
    if (!state) {
      const isFinal = snapshot.status === 'done';
      const armed = isFinal ? [] : [...sourcesOf(snapshot).keys()];
      state = {
        name,
        phase: name.split('.')[0] as string,
        isFinal,
        tags: snapshot.tags,
        timers: new Set(armed),
        edges: {},
      };
      states.set(name, state);
      queue.push({ state, snapshot });
    }
    return state;
  };

  const [first, initialEffects] = startMachine(machine);
  const initial = visit(first);
  for (const { state, snapshot } of queue) {
    const sources = sourcesOf(snapshot);
    const edges: Record<string, Edge> = {};
    for (const event of events) {
      const type = timers.has(event) ? sources.get(event) : event;
      const [next, effects] = type === undefined ? [snapshot, []] : stepMachine(machine, snapshot, { type });
      const to = next === snapshot ? state : visit(next);
      edges[event] = { to, effects, isHandled: next !== snapshot || effects.length > 0 };
    }
    state.edges = edges;
  }
  for (const node of nodes) {
    const isLeaf = node.type === 'atomic' || node.type === 'final';
    if (isLeaf && !states.has(node.path.join('.'))) throw new ChartError(`no event leads to ${node.id}`);
  }
  return { machine, initial, initialEffects, states, events };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Node = AnyStateMachine['root'];

function nodesOf(node: Node): Node[] {
  return [node, ...Object.values(node.states).flatMap((child) => nodesOf(child))];
}

/** The event of each timer that is armed in this snapshot. */
function sourcesOf(snapshot: AnyMachineSnapshot): Map<string, string> {
  const afters = snapshot._nodes.flatMap((node) => node.after);
  return new Map(afters.map((after) => [timerName(after.eventType), after.eventType]));
}

function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  const [entry, ...more] = Object.entries(value as Record<string, unknown>);
  if (!entry || more.length > 0)
    throw new ChartError('parallel states have no place in a built-in lifecycle');
  return `${entry[0]}.${stateName(entry[1])}`;
}

function checkNode(machine: AnyStateMachine, node: Node): void {
  if (node.invoke.length > 0) throw new ChartError(`${node.id} invokes a child`);
  for (const transition of [...node.transitions.values()].flat()) {
    if (transition.guard) throw new ChartError(`${node.id} has a guard: a decision is an event of its own`);
  }
  for (const { delay, eventType } of node.after) {
    // An unknown delay would fire at once, without an error.
    if (typeof delay !== 'string' || !Object.hasOwn(machine.implementations.delays, timerName(eventType))) {
      throw new ChartError(`${node.id} waits for ${String(delay)}, which is no named delay`);
    }
  }
}
