import { LOG_LIMITS } from '../../src/actors/log/log.ts';
import type { ProgramOptions } from '../../src/actors/behaviours.ts';
import type { Bug } from './planted.ts';
import type { Program } from './program.ts';

/** A bug that was in the engine, and the order of events in which it shows. */
export interface PastBug extends Bug {
  /** The invariant of ARCHITECTURE.md that it breaks. */
  readonly invariant: number;
  /** Brings it about, and says what there is to see. */
  readonly scenario: (Planted: typeof Program) => unknown;
  /** What is seen without the bug… */
  readonly sound: unknown;
  /** …and with it. */
  readonly broken: unknown;
}

/** A log that has one statement under way, behind which one message may wait; more are shed. */
export const ONE_WAITS: Partial<ProgramOptions> = {
  logLimits: { ...LOG_LIMITS, appendsInFlight: 1 },
  commit: {
    channelEntries: 64,
    channelSize: 1e6,
    statementEntries: 512,
    statementSize: 1e6,
    waitingEntries: 1,
    waitingSize: 1e6,
  },
};
