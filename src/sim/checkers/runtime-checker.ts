import type { Cell } from '../../runtime/cell.ts';
import type { Envelope } from '../../runtime/mailbox.ts';
import type { Observer } from '../../runtime/observer.ts';
import type { Effect, Lifecycle, StateNode } from '../../runtime/ports/actor.ts';
import type { ActorSystem } from '../../runtime/system.ts';
import { DoubtChecker } from './doubt-checker.ts';
import type { Timeline } from '../kit/timeline.ts';
import type { Trace } from '../kit/trace.ts';
import type { Violate } from '../kit/violation.ts';

/** Timers fire in ticks of 20 ms, and a process may run a little late; never early. */
const ASK_SLACK_MS = 200;

interface Watched {
  states: readonly Lifecycle[];
  /** The earliest time at which each armed timer may fire. */
  readonly due: Map<string, number>;
}

/**
 * Checks the actors of one process after each of their steps: invariants 11 to 15. A user who returns begins a
 * new start in the same actor (LC1), so `dead` is final for all charts but that one.
 */
export class RuntimeChecker implements Observer {
  readonly #timeline: Timeline;
  readonly #trace: Trace;
  readonly #violate: Violate;
  readonly #isAlive: () => boolean;
  readonly #where: string;
  readonly #watched = new Map<Cell, Watched>();
  readonly doubts: DoubtChecker;

  constructor(parts: {
    readonly timeline: Timeline;
    readonly trace: Trace;
    readonly violate: Violate;
    /** A killed process is no longer checked. */
    readonly isAlive: () => boolean;
    /** Which of several processes it is. */
    readonly node?: string | undefined;
  }) {
    this.#timeline = parts.timeline;
    this.#trace = parts.trace;
    this.#violate = parts.violate;
    this.doubts = new DoubtChecker((invariant, text) => {
      if (this.#isAlive()) this.#violate(invariant, text);
    });
    this.#isAlive = parts.isAlive;
    this.#where = parts.node === undefined ? '' : `${parts.node} `;
  }

  started(cell: Cell, effects: readonly Effect[]): void {
    if (!this.#isAlive()) return;
    const watched: Watched = { states: chartStatesOf(cell), due: new Map() };
    this.#watched.set(cell, watched);
    this.#trace.say(
      this.#where + cell.address,
      () => `= starts${stateText(watched.states)}${effectsText(effects)}`,
    );
    this.#noteTimers(watched, effects);
    this.#checkTimers(cell, watched);
  }

  stepped(cell: Cell, envelope: Envelope, effects: readonly Effect[]): void {
    if (!this.#isAlive()) return;
    const watched = this.#watched.get(cell);
    // Its last step: the actor is over, and its effects included the clean-up.
    if (!watched || cell.status === 'stopped') return;
    this.#checkEarly(cell, envelope, watched);
    if (cell.behaviour.kind === 'view')
      this.doubts.viewStepped((envelope.message as { type: string }).type, this.#timeline.now);
    const states = chartStatesOf(cell);
    const changed = this.#checkEdges(cell, watched.states, states);
    watched.states = states;
    this.#trace.say(
      this.#where + cell.address,
      () => `= ${messageText(envelope)}${changed ? stateText(states) : ''}${effectsText(effects)}`,
    );
    this.#noteTimers(watched, effects);
    this.#checkTimers(cell, watched);
    const { overrun, systemSize, userSize, size } = cell.mailbox;
    if (overrun > 0)
      this.#violate(
        13,
        `${cell.address} has ${size} messages waiting: ${systemSize} system, ${userSize} user`,
      );
  }

  crashed(cell: Cell, envelope: Envelope | undefined): void {
    if (cell.behaviour.kind === 'view') this.doubts.viewCrashed();
    this.#trace.say(
      this.#where + cell.address,
      () => `= crashes${envelope ? ` over ${messageText(envelope)}` : ''}`,
    );
  }

  stopped(cell: Cell): void {
    if (!this.#isAlive()) return;
    this.#trace.say(this.#where + cell.address, () => '= stops');
    if (!this.#watched.delete(cell)) this.#violate(11, `${cell.address} stops twice`);
  }

  /** Checks that need not run after each step. */
  audit(system: ActorSystem): void {
    if (!this.#isAlive()) return;
    let waiting = 0;
    for (const cell of system.cells()) waiting += cell.mailbox.size;
    const expected = system.deliveryCounters.waiting;
    if (waiting !== expected)
      this.#violate(
        14,
        `${waiting} messages wait, but ${expected} have not ended: ${JSON.stringify(system.deliveryCounters)}`,
      );
    const overdue = system.overdueAsks(ASK_SLACK_MS);
    if (overdue.length > 0) this.#violate(15, `asks are open past their deadline: ${overdue.join(', ')}`);
    if (system.deadLetters.recent().length > 1_000)
      this.#violate(13, 'the ring of dead letters is over its bound');
  }

  // --- charts

  /** True when a state changed. */
  #checkEdges(cell: Cell, before: readonly Lifecycle[], after: readonly Lifecycle[]): boolean {
    let changed = false;
    for (const [at, { chart, state }] of after.entries()) {
      const from = before[at]?.state;
      if (!from || from === state) continue;
      changed = true;
      if (!reachable(from).has(state) && !(from.isFinal && chart === 'user'))
        this.#violate(11, `${cell.address}: no edges of ${chart} lead from ${from.name} to ${state.name}`);
    }
    return changed;
  }

  // --- timers

  #noteTimers(watched: Watched, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'arm')
        watched.due.set(effect.timer, this.#timeline.now + Math.max(0, effect.delayMs));
      if (effect.type === 'disarm') watched.due.delete(effect.timer);
    }
  }

  #checkEarly(cell: Cell, envelope: Envelope, watched: Watched): void {
    if (!envelope.timer) return;
    const { name } = envelope.timer;
    const due = watched.due.get(name);
    watched.due.delete(name);
    if (due === undefined) this.#violate(12, `${cell.address}: ${name} fires, but was not armed`);
    else if (this.#timeline.now < due - 0.001)
      this.#violate(12, `${cell.address}: ${name} fires ${(due - this.#timeline.now).toFixed(3)} ms early`);
  }

  #checkTimers(cell: Cell, { states }: Watched): void {
    if (states.length === 0) return;
    const armed = new Set(cell.timers?.map(({ name }) => name));
    for (const { chart, state } of states) {
      for (const timer of timersOf(state)) {
        if (armed.has(timer) === state.timers.has(timer)) continue;
        const found = armed.has(timer) ? 'is armed' : 'is not armed';
        this.#violate(12, `${cell.address}: ${timer} of ${chart} ${found} in ${state.name}`);
      }
    }
  }
}

function chartStatesOf(cell: Cell): readonly Lifecycle[] {
  return cell.state === undefined ? [] : (cell.behaviour.chartStates?.(cell.state) ?? []);
}

const reached = new WeakMap<StateNode, ReadonlySet<StateNode>>();

/** Every state that is reachable from this one. */
function reachable(from: StateNode): ReadonlySet<StateNode> {
  const known = reached.get(from);
  if (known) return known;
  const found = new Set([from]);
  for (const state of found)
    for (const { to, isHandled } of Object.values(state.edges)) if (isHandled) found.add(to);
  reached.set(from, found);
  return found;
}

const timers = new WeakMap<StateNode, ReadonlySet<string>>();

/** Timers that a chart arms in this state or in a later one. */
function timersOf(from: StateNode): ReadonlySet<string> {
  let known = timers.get(from);
  if (!known) {
    known = new Set([...reachable(from)].flatMap((state) => [...state.timers]));
    timers.set(from, known);
  }
  return known;
}

// --- texts

function messageText(envelope: Envelope): string {
  const message = envelope.message as { type: string; timer?: string; context?: { for?: string } };
  if (message.type === 'timer') return `after ${message.timer}`;
  if (message.type === 'answer') return `answer for ${message.context?.for ?? '?'}`;
  return message.type;
}

function stateText(states: readonly Lifecycle[]): string {
  return states.length === 0
    ? ''
    : ` [${states.map(({ chart, state }) => `${chart} ${state.name}`).join(', ')}]`;
}

function effectsText(effects: readonly Effect[]): string {
  if (effects.length === 0) return '';
  return ` -> ${effects.map(effectText).join(', ')}`;
}

function effectText(effect: Effect): string {
  switch (effect.type) {
    case 'tell':
    case 'ask':
      return `${effect.type} ${effect.to} ${(effect.message as { type: string }).type}`;
    case 'arm':
    case 'disarm':
      return `${effect.type} ${effect.timer}`;
    case 'store':
      return `store ${effect.request.call}`;
    case 'publish':
      return `publish ${(effect.message as { type: string }).type}`;
    case 'fanout':
      return `fanout ${effect.batch.first}..${effect.batch.last} to ${effect.end - effect.start}`;
    case 'write':
      return `write to ${effect.connection}`;
    case 'close':
      return `close ${effect.connection} ${effect.code}`;
    case 'count':
      return `count ${effect.counter}`;
    case 'log':
      return `log ${effect.event}`;
    default:
      return effect.type;
  }
}
