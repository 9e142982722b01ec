/**
 * How the TypeScript tests run. It decides nothing about drivers: a spec that has to hold on several opens each itself.
 *
 * Invariant: two processes at most, because the machine these tests must pass on has two cores.
 */
import { defineConfig } from 'vitest/config';
import { OutsideErrors } from './ts/setup/outside-errors.mjs';
import { StuckSpecs } from './ts/setup/stuck-specs.mjs';

/** Where `npm test` wants the machine-readable report. */
const outputFile = process.env.MILLRACE_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['__test__/**/*.spec.ts'],
    pool: 'forks',
    maxWorkers: 2,
    reporters: [
      'default',
      new StuckSpecs(),
      ...(outputFile ? [['json', { outputFile }] as ['json', object], new OutsideErrors(outputFile)] : []),
    ],
    // Bounds of what is waited for, on a machine that is several times slower: no test passes or fails by its speed.
    testTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 60_000,
  },
});
