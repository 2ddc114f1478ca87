import { defineConfig } from 'vitest/config';
import LongFirst from './test/support/sequencer.ts';

export default defineConfig({
  // As in tsconfig.json: what is tested is the source, not what was built of it last.
  resolve: { alias: { 'vagus-client/core': new URL('client/src/core.ts', import.meta.url).pathname } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/count-reporter.ts'],
    // Processes are killed and databases made: nothing may leak from one file into the next.
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    // What is awaited comes later on a slow machine. Tests that bound a time measure it.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    allowOnly: false,
  },
});
