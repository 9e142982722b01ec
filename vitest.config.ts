/**
 * How the TypeScript tests run. It decides nothing about drivers: a spec that has to hold on several opens each itself.
 *
 * Invariant: two processes at most, because the machine these tests must pass on has two cores.
 */
import { defineConfig } from 'vitest/config';
import { StuckSpecs } from './ts/setup/stuck-specs.mjs';

/** Where `npm test` wants the machine-readable report. */
const outputFile = process.env.MILLRACE_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['__test__/**/*.spec.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default', new StuckSpecs(), ...(outputFile ? [['json', { outputFile }] as ['json', object]] : [])],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
