/** The run that `stuck-specs.spec.ts` expects to be ended: one file that never ends, watched for three seconds. */
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { StuckSpecs } from '../../../ts/setup/stuck-specs.mjs';

const SILENCE_MS = 3000;

await startVitest('test', [], {
  config: false,
  root: fileURLToPath(new URL('.', import.meta.url)),
  watch: false,
  include: ['spinning.ts'],
  pool: 'forks',
  testTimeout: 500,
  reporters: ['default', new StuckSpecs(SILENCE_MS)],
});
