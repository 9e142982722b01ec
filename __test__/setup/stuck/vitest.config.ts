/** The run that `stuck-specs.spec.ts` expects to be ended. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { StuckSpecs } from '../../../ts/setup/stuck-specs.mjs';

const SILENCE_MS = 3000;

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    include: ['spinning.ts'],
    pool: 'forks',
    testTimeout: 500,
    reporters: ['default', new StuckSpecs(SILENCE_MS)],
  },
});
