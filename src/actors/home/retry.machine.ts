import { setup } from 'xstate';

/** One thing that must succeed in the end: tried, and tried again after a growing, jittered pause. */
export const retryMachine = setup({
  types: {
    events: {} as { type: 'needed' | 'succeeded' | 'failed' | 'hurried' | 'givenUp' },
  },
  delays: { backoff: 1_000 },
  actions: { attempt: () => {}, lengthen: () => {}, reset: () => {} },
}).createMachine({
  id: 'retry',
  initial: 'resting',
  on: { givenUp: '.resting' },
  states: {
    resting: { entry: 'reset', on: { needed: 'attempting', failed: 'waiting' } },
    attempting: { entry: 'attempt', on: { succeeded: 'resting', failed: 'waiting' } },
    waiting: { entry: 'lengthen', on: { hurried: 'attempting' }, after: { backoff: 'attempting' } },
  },
});
