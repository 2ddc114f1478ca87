import { setup } from 'xstate';

/**
 * How a node leaves (D15): it hands its channels over to the other nodes of its cluster, then its clients go, each with its own
 * time to come back, then the homes that are left, which finish what they have taken. Each part has an end of its own, so
 * that all of it has one.
 */
export const drainMachine = setup({
  types: {
    events: {} as { type: 'ordered' | 'handedOver' | 'clientsLeft' | 'logQuiet' },
  },
  delays: { handOverEnds: 6_000, clientsLeave: 10_000, appendsEnd: 6_000 },
  actions: { handOver: () => {}, dismissClients: () => {}, drainHomes: () => {}, report: () => {} },
}).createMachine({
  id: 'drain',
  initial: 'serving',
  states: {
    serving: { on: { ordered: 'handingOver' } },
    handingOver: {
      entry: 'handOver',
      on: { handedOver: 'dismissing' },
      after: { handOverEnds: 'dismissing' },
    },
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
