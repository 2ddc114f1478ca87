import { setup } from 'xstate';

/**
 * How a node leaves (D15): its clients first, each with its own time to come back, then the homes of its channels,
 * which finish what they have taken. Each part has an end of its own, so that all of it has one.
 */
export const drainMachine = setup({
  types: {
    events: {} as { type: 'ordered' | 'clientsLeft' | 'logQuiet' },
  },
  delays: { clientsLeave: 10_000, appendsEnd: 6_000 },
  actions: { dismissClients: () => {}, drainHomes: () => {}, report: () => {} },
}).createMachine({
  id: 'drain',
  initial: 'serving',
  states: {
    serving: { on: { ordered: 'dismissing' } },
    dismissing: {
      entry: 'dismissClients',
      on: { clientsLeft: 'finishing' },
      after: { clientsLeave: 'finishing' },
    },
    finishing: {
      entry: 'drainHomes',
      on: { logQuiet: 'left' },
      after: { appendsEnd: 'left' },
    },
    left: { type: 'final', entry: 'report' },
  },
});
