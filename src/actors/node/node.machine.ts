import { setup } from 'xstate';

/**
 * The life of another node, as this one sees it (LC5, D11). It is connecting until it has beaten once more. It is suspect while its
 * beats stand still, and after 3 s without one this node accuses it. It is dead when the database says so, and never comes back:
 * a restarted node is another one.
 */
export const nodeMachine = setup({
  types: {
    events: {} as { type: 'hasBeaten' | 'isLate' | 'isSilent' | 'declaredDead' },
  },
}).createMachine({
  id: 'node',
  initial: 'connecting',
  on: { declaredDead: '.dead' },
  states: {
    connecting: { on: { hasBeaten: 'alive', isLate: 'suspect' } },
    alive: { on: { isLate: 'suspect' } },
    suspect: {
      initial: 'late',
      on: { hasBeaten: 'alive' },
      states: { late: { on: { isSilent: 'accused' } }, accused: {} },
    },
    dead: { type: 'final' },
  },
});
