/** A run of tests that hangs ends by itself, and says where it hung. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('./stuck/run.ts', import.meta.url));

test('a test whose thread never comes back ends the run, and its file and its process are named', () => {
  const ended = spawnSync(process.execPath, ['--import', 'tsx', program], { cwd: root, encoding: 'utf8' });
  expect(ended.status).toBe(1);
  expect(ended.stderr).toContain('No test has finished for 3 s');
  expect(ended.stderr).toMatch(/spinning\.ts: nothing finished yet/);
  // A process that spins: running, with processor time used while it was watched.
  expect(ended.stderr).toMatch(/\d+ R \d+ %/);
});
