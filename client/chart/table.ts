import { format, type Options } from 'prettier';
import { explore, type Chart, type ChartEffect, type ChartState } from '../../src/actors/kit/chart.ts';
import { clientMachine } from './client.machine.ts';

export const clientChart: Chart = explore(clientMachine);

/**
 * The client's lifecycle as the source of `client/src/connection/lifecycle-table.ts`: a client does not carry XState, and
 * its table is small because a state has one timer at most, which is armed as it is entered and disarmed as it is left,
 * and an edge one action at most.
 */
export function lifecycleSource(style: Options): Promise<string> {
  const states = [...clientChart.states.values()];
  const timers = states.flatMap(({ name, timers: all }) => [...all].map((timer) => [name, timer] as const));
  const actions = new Set<string>();
  const rows = states.map((state) => {
    const edges = Object.entries(state.edges)
      .filter(([, { isHandled }]) => isHandled)
      .map(([event, { to, effects }]) => {
        const done = doneOn(state, to, effects);
        for (const action of done) actions.add(action);
        return `${event}: [${[to.name, ...done].map((name) => `'${name}'`).join(', ')}]`;
      });
    return `${state.name}: { ${edges.join(', ')} }`;
  });
  const source = `// Made by \`npm run charts\` from client/chart/client.machine.ts; a test fails when it is older.

/** Where a client is. \`dead\` is final. */
export type ClientState = ${union(states.map(({ name }) => name))};
export type LifecycleTimer = ${union(timers.map(([, timer]) => timer))};
export type LifecycleAction = ${union(actions)};
export type LifecycleEvent = ${union(clientChart.events)};

/** The timer of a state: armed as the state is entered, disarmed as it is left. */
export const TIMERS: { readonly [State in ClientState]?: LifecycleTimer } = { ${timers.map(([state, timer]) => `${state}: '${timer}'`).join(', ')} };

type Edge = readonly [to: ClientState, done?: LifecycleAction];

/** By state and event: where it leads, and what is done on the way. */
export const LIFECYCLE: Readonly<Record<ClientState, { readonly [Event in LifecycleEvent]?: Edge }>> = { ${rows.join(', ')} };
`;
  return format(source, { ...style, parser: 'typescript' });
}

/** What is done on an edge, beside the timers of both states. Throws for a chart that such a table cannot say. */
function doneOn(from: ChartState, to: ChartState, effects: readonly ChartEffect[]): string[] {
  const done = effects.flatMap((effect) => (effect.type === 'do' ? [effect.action] : []));
  const expected = [
    ...[...from.timers].map((timer) => `disarm ${timer}`),
    ...done.map((action) => `do ${action}`),
    ...[...to.timers].map((timer) => `arm ${timer}`),
  ];
  const found = effects.map(
    (effect) => `${effect.type} ${effect.type === 'do' ? effect.action : effect.timer}`,
  );
  if (from === to || from.timers.size > 1 || done.length > 1 || found.join() !== expected.join())
    throw new Error(
      `from ${from.name} to ${to.name}: ${found.join(', ')}, which is not ${expected.join(', ')}`,
    );
  return done;
}

function union(names: Iterable<string>): string {
  return [...names].map((name) => `'${name}'`).join(' | ');
}
