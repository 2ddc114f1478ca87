import { setup } from 'xstate';

/**
 * What a process may believe of its own lease (D11). It is taken while connecting, and each renewal confirms it. It is
 * suspect when it has not been confirmed for so long that other processes may think this one dead; one renewal ends
 * that. A lease that the database does not have any more is lost, and taken anew.
 */
export const leaseMachine = setup({
  types: {
    events: {} as { type: 'confirmed' | 'lost' | 'released' },
  },
  delays: { doubt: 2_950 },
  actions: { tellDoubtful: () => {}, tellLost: () => {}, giveBack: () => {} },
}).createMachine({
  id: 'lease',
  initial: 'connecting',
  on: { released: '.dead' },
  states: {
    connecting: { on: { confirmed: 'alive', lost: { target: 'connecting', actions: 'tellLost' } } },
    alive: {
      on: {
        confirmed: { target: 'alive', reenter: true },
        lost: { target: 'connecting', actions: 'tellLost' },
      },
      after: { doubt: 'suspect' },
    },
    suspect: {
      entry: 'tellDoubtful',
      on: { confirmed: 'alive', lost: { target: 'connecting', actions: 'tellLost' } },
    },
    dead: { type: 'final', entry: 'giveBack' },
  },
});
