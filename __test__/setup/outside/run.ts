/** The run that `tally.spec.ts` reads the report of: one file whose test passes and leaves a rejected promise behind. */
import { fileURLToPath } from 'node:url';
import { startVitest } from 'vitest/node';
import { OutsideErrors } from '../../../ts/setup/outside-errors.mjs';

const outputFile = process.argv[2] ?? '';

await startVitest('test', [], {
  config: false,
  root: fileURLToPath(new URL('.', import.meta.url)),
  watch: false,
  include: ['unawaited.ts'],
  pool: 'forks',
  reporters: [['json', { outputFile }], new OutsideErrors(outputFile)],
});
