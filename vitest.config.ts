/**
 * How the TypeScript tests run. It decides nothing about drivers: a spec that has to hold on several opens each itself.
 *
 * Invariant: two processes at most, because the machine these tests must pass on has two cores.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__test__/**/*.spec.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
