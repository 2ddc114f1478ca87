import { format, type Options } from 'prettier';
import { explore, type Chart, type ChartEffect } from '../../src/actors/chart.ts';
import { clientMachine } from './client.machine.ts';

export const clientChart: Chart = explore(clientMachine);

/** The client's lifecycle as the source of `client/src/connection/lifecycle-table.ts`: a client does not carry XState. */
export function lifecycleSource(style: Options): Promise<string> {
  const states = [...clientChart.states.values()];
  const effects = states.flatMap((state) => Object.values(state.edges).flatMap((edge) => edge.effects));
  const actions = new Set(effects.flatMap((effect) => (effect.type === 'do' ? [effect.action] : [])));
  const timers = new Set(states.flatMap((state) => [...state.timers]));
  const rows = states.map((state) => {
    const edges = Object.entries(state.edges)
      .filter(([, { isHandled }]) => isHandled)
      .map(
        ([event, edge]) =>
          `${event}: { to: '${edge.to.name}', effects: [${edge.effects.map(written).join(', ')}] }`,
      );
    return `${state.name}: { ${edges.join(', ')} }`;
  });
  const source = `// Made by \`npm run charts\` from client/chart/client.machine.ts; a test fails when it is older.

/** Where a client is. \`dead\` is final. */
export type ClientState = ${union(states.map(({ name }) => name))};
type Timer = ${union(timers)};
type Action = ${union(actions)};
type Event = ${union(clientChart.events)};

interface Edge {
  readonly to: ClientState;
  readonly effects: readonly (readonly ['arm' | 'disarm', Timer] | readonly ['do', Action])[];
}

export type LifecycleTimer = Timer;
export type LifecycleAction = Action;
export type LifecycleEvent = Event;

/** By state and event: where it leads, and what is to be done on the way, in this order. */
export const LIFECYCLE: Readonly<Record<ClientState, { readonly [Key in Event]?: Edge }>> = { ${rows.join(', ')} };
`;
  return format(source, { ...style, parser: 'typescript' });
}

function union(names: Iterable<string>): string {
  return [...names].map((name) => `'${name}'`).join(' | ');
}

function written(effect: ChartEffect): string {
  return effect.type === 'do' ? `['do', '${effect.action}']` : `['${effect.type}', '${effect.timer}']`;
}
