/** A run of tests that hangs ends by itself, and says where it hung. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const config = fileURLToPath(new URL('./stuck/vitest.config.ts', import.meta.url));

test('a test whose thread never comes back ends the run, and its file and its process are named', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'millrace-stuck-'));
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const ended = spawnSync(process.execPath, [vitest, 'run', '--config', config], { cwd, encoding: 'utf8' });
  rmSync(cwd, { recursive: true });
  expect(ended.status).toBe(1);
  expect(ended.stderr).toContain('No test has finished for 3 s');
  expect(ended.stderr).toMatch(/spinning\.ts: nothing finished yet/);
  // A process that spins: running, with processor time used while it was watched.
  expect(ended.stderr).toMatch(/\d+ R \d+ %/);
});
