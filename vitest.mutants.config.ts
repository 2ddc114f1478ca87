import { defineConfig } from 'vitest/config';

/** `npm run mutants`: the search for planted bugs, which takes minutes and is not part of `npm test`. */
export default defineConfig({
  test: { include: ['test/sim/mutants/search.ts'], reporters: ['default'] },
});
