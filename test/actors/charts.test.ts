import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor, setup, type AnyActor, type AnyMachineSnapshot } from 'xstate';
import {
  ChartError,
  explore,
  startMachine,
  stepMachine,
  timerName,
  type Chart,
  type ChartEffect,
  type ChartState,
} from '../../src/actors/kit/chart.ts';
import { clientChart } from '../../client/chart/table.ts';
import { CHARTS } from '../../src/actors/charts.ts';
import { toMermaid } from '../../src/actors/kit/mermaid.ts';

/** What a run looks like, whoever ran it. */
interface Seen {
  readonly state: string;
  readonly timers: readonly string[];
  readonly actions: readonly string[];
}

/** One of three ways to run a lifecycle. */
interface Runner {
  fire(event: string): void;
  seen(): Seen;
}

const actionsOf = (effects: readonly ChartEffect[]): string[] =>
  effects.flatMap((effect) =>
    effect.type === 'do' ? [`${effect.action} ${JSON.stringify(effect.params)}`] : [],
  );

/** The table, as the actors use it. */
function tableRunner(chart: Chart): Runner {
  let state: ChartState = chart.initial;
  const armed = new Set<string>();
  const actions: string[] = [];
  const take = (effects: readonly ChartEffect[]): void => {
    for (const effect of effects) {
      if (effect.type === 'arm') armed.add(effect.timer);
      if (effect.type === 'disarm') armed.delete(effect.timer);
    }
    actions.push(...actionsOf(effects));
  };
  take(chart.initialEffects);
  return {
    fire: (event) => {
      const edge = state.edges[event];
      if (!edge) return;
      state = edge.to;
      take(edge.effects);
    },
    seen: () => ({ state: state.name, timers: [...armed].toSorted(), actions }),
  };
}

/** The machine's own `transition`, step by step. */
function stepRunner(chart: Chart): Runner {
  const [first, effects] = startMachine(chart.machine);
  let snapshot: AnyMachineSnapshot = first;
  const armed = new Set<string>();
  const actions: string[] = [];
  const take = (taken: readonly ChartEffect[]): void => {
    for (const effect of taken) {
      if (effect.type === 'arm') armed.add(effect.timer);
      if (effect.type === 'disarm') armed.delete(effect.timer);
    }
    actions.push(...actionsOf(taken));
  };
  take(effects);
  const afterOf = (timer: string): string | undefined =>
    chart.machine.events.find(
      (event) =>
        event.startsWith('xstate.after.') &&
        timerName(event) === timer &&
        snapshot._nodes.some((node) => node.after.some((after) => after.eventType === event)),
    );
  return {
    fire: (event) => {
      const type = isTimer(chart, event) ? afterOf(event) : event;
      if (type === undefined) return;
      const [next, taken] = stepMachine(chart.machine, snapshot, { type });
      snapshot = next;
      take(taken);
    },
    seen: () => ({ state: valueName(snapshot.value), timers: [...armed].toSorted(), actions }),
  };
}

/** XState's interpreter, on a clock that only moves when told to. */
function actorRunner(chart: Chart): Runner {
  const delays = Object.keys(chart.machine.implementations.delays);
  const actions: string[] = [];
  const record = (name: string) => (_: unknown, params: unknown) =>
    void actions.push(`${name} ${JSON.stringify(params ?? {})}`);
  const machine = chart.machine.provide({
    // Each delay its own length, so that the clock knows which timer it was given.
    delays: Object.fromEntries(delays.map((name, at) => [name, at + 1])),
    actions: Object.fromEntries(
      Object.keys(chart.machine.implementations.actions).map((name) => [name, record(name)]),
    ),
  });
  const pending = new Map<object, { readonly run: () => void; readonly delay: number }>();
  const clock = {
    setTimeout: (run: (...args: unknown[]) => void, delay: number) => {
      const handle = {};
      pending.set(handle, { run: () => run(), delay });
      return handle;
    },
    clearTimeout: (handle: object) => void pending.delete(handle),
  };
  const actor: AnyActor = createActor(machine, { clock });
  actor.start();
  return {
    fire: (event) => {
      // The others do nothing with a finished machine, and this one would only complain.
      if ((actor.getSnapshot() as AnyMachineSnapshot).status !== 'active') return;
      if (!isTimer(chart, event)) return actor.send({ type: event });
      const due = [...pending].find(([, timer]) => delays[timer.delay - 1] === event);
      if (!due) return;
      pending.delete(due[0]);
      due[1].run();
    },
    seen: () => ({
      state: valueName((actor.getSnapshot() as AnyMachineSnapshot).value),
      timers: [...pending.values()].map((timer) => delays[timer.delay - 1] as string).toSorted(),
      actions,
    }),
  };
}

function isTimer(chart: Chart, event: string): boolean {
  return Object.hasOwn(chart.machine.implementations.delays, event);
}

function valueName(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[key, inner]] = Object.entries(value as object) as [[string, unknown]];
  return `${key}.${valueName(inner)}`;
}

describe.each([...CHARTS, { title: 'A client', chart: clientChart }])('$title', ({ chart }) => {
  test('[D2] table = step = interpreter, on random event sequences', () => {
    const sequences = fc.array(fc.constantFrom(...chart.events), { maxLength: 24 });
    fc.assert(
      fc.property(sequences, (events) => {
        const runners = [tableRunner(chart), stepRunner(chart), actorRunner(chart)];
        for (const event of events) {
          for (const runner of runners) runner.fire(event);
          const [table, step, interpreter] = runners.map((runner) => runner.seen());
          expect(step).toEqual(table);
          expect(interpreter).toEqual(table);
        }
      }),
      { numRuns: 2_000 },
    );
  }, 60_000);

  test('[LC1] timers are armed exactly while their states say so; a final state has none and is left by nothing', () => {
    for (const state of chart.states.values()) {
      for (const [event, edge] of Object.entries(state.edges)) {
        const armed = new Set(state.timers);
        if (isTimer(chart, event)) armed.delete(event);
        for (const effect of edge.effects) {
          if (effect.type === 'arm') armed.add(effect.timer);
          if (effect.type === 'disarm') armed.delete(effect.timer);
        }
        if (edge.isHandled)
          expect([...armed].toSorted(), `${state.name} ${event}`).toEqual([...edge.to.timers].toSorted());
        if (state.isFinal) expect(edge.isHandled).toBe(false);
      }
    }
  });
});

test('[LC1] connections, users and rooms share the four states', () => {
  for (const { chart } of CHARTS.slice(0, 3)) {
    expect(new Set([...chart.states.values()].map((state) => state.phase))).toEqual(
      new Set(['connecting', 'alive', 'suspect', 'dead']),
    );
    expect([...chart.states.values()].filter((state) => state.isFinal).map((state) => state.name)).toEqual([
      'dead',
    ]);
  }
});

describe('[D2] a machine that is no built-in lifecycle is refused when it is explored', () => {
  const base = setup({ delays: { known: 10 }, guards: { never: () => false } });
  test.each([
    [
      'an unknown delay, which would fire at once',
      () =>
        base.createMachine({
          id: 'm',
          initial: 'a',
          states: { a: { after: { unknown: 'b' } as never }, b: {} },
        }),
    ],
    [
      'a number for a delay',
      () => base.createMachine({ id: 'm', initial: 'a', states: { a: { after: { 50: 'b' } }, b: {} } }),
    ],
    [
      'a guard',
      () =>
        base.createMachine({
          id: 'm',
          initial: 'a',
          states: { a: { on: { go: { target: 'b', guard: 'never' } } }, b: {} },
        }),
    ],
    [
      'a state that no event leads to',
      () =>
        base.createMachine({ id: 'm', initial: 'a', states: { a: { on: { go: 'b' } }, b: {}, lost: {} } }),
    ],
    [
      'parallel states',
      () =>
        base.createMachine({
          id: 'm',
          type: 'parallel',
          states: { a: { initial: 'x', states: { x: {} } }, b: { initial: 'y', states: { y: {} } } },
        }),
    ],
  ])('[D2] %s', (_, machine) => {
    expect(() => explore(machine() as never)).toThrow(ChartError);
  });
});

test('a picture names every state and every event', () => {
  for (const { chart } of CHARTS) {
    const picture = toMermaid(chart.machine);
    for (const state of chart.states.keys()) expect(picture).toContain(state.replace('.', '_'));
    for (const event of chart.events) expect(picture).toContain(event);
  }
});
