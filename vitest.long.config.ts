import { defineConfig } from 'vitest/config';
import usual from './vitest.config.ts';

/** `npm run test:long`: tests that take minutes, or install what is not in the package, and are not part of `npm test`. */
export default defineConfig({ ...usual, test: { ...usual.test, include: ['test/**/*.long.ts'] } });
