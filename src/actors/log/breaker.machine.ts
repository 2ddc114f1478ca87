import { setup } from 'xstate';

/**
 * A circuit breaker (D14): closed while calls go well, open when half of them fail, half-open to find out.
 * While it is open a probe of its own goes out once a second, so that a cure is noticed at once.
 */
export const breakerMachine = setup({
  types: {
    events: {} as { type: 'tripped' | 'probeSucceeded' | 'probeFailed' | 'trialSucceeded' | 'trialFailed' },
  },
  delays: { probeInterval: 1_000, openMax: 30_000 },
  actions: { probe: () => {}, tellOpen: () => {}, tellClosed: () => {} },
}).createMachine({
  id: 'breaker',
  initial: 'closed',
  states: {
    closed: { on: { tripped: { target: 'open', actions: 'tellOpen' } } },
    open: {
      initial: 'pausing',
      on: { probeSucceeded: 'halfOpen' },
      after: { openMax: 'halfOpen' },
      states: {
        pausing: { after: { probeInterval: 'probing' } },
        probing: { entry: 'probe', on: { probeFailed: 'pausing' } },
      },
    },
    halfOpen: { on: { trialSucceeded: { target: 'closed', actions: 'tellClosed' }, trialFailed: 'open' } },
  },
});
