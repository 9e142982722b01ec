/** Promises of the last line of `npm test`: the totals are true, and silence is a failure. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { outsideOf, withOutside } from '../../ts/setup/outside-errors.mjs';
import { afterSecondRun, filesToRepeat } from '../../ts/setup/second-run.mjs';
import { fromCargo, fromVerdict, fromVitest, sum } from '../../ts/setup/tally.mjs';

const result = (passed: number, failed: number, ignored = 0) =>
  `test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; ${ignored} ignored; 0 measured; 0 filtered out; finished in 0.1s\n`;

const report = (...files: { name: string; statuses: string[] }[]) =>
  JSON.stringify({
    testResults: files.map(({ name, statuses }) => ({
      name,
      status: 'passed',
      assertionResults: statuses.map((status, i) => ({ status, fullName: `test ${i}` })),
    })),
  });

describe('totals', () => {
  it('add up every test binary of cargo', () => {
    expect(fromCargo(`noise\n${result(3, 0)}more\n${result(4, 0)}`, 0)).toMatchObject({ passed: 7, failed: 0 });
  });

  it('count an ignored Rust test as failed', () => {
    expect(fromCargo(result(3, 0, 2), 0)).toMatchObject({ passed: 3, failed: 2 });
  });

  it('name the Rust tests that failed', () => {
    const output = `test frame::a_stale_lap ... FAILED\n${result(3, 1)}`;
    expect(fromCargo(output, 101)).toEqual({ passed: 3, failed: 1, notes: ['cargo: frame::a_stale_lap'] });
  });

  it('count a build error, a dead test binary and an empty run as one failure', () => {
    expect(fromCargo('', 101).failed).toBe(1);
    expect(fromCargo(result(3, 0), 101)).toMatchObject({ passed: 3, failed: 1 });
    expect(fromCargo('', 0).failed).toBe(1);
    expect(fromVitest(undefined, 0).failed).toBe(1);
    expect(fromVitest(report({ name: 'a', statuses: ['passed'] }), 1).failed).toBe(1);
  });

  it('count skipped TypeScript tests and files that do not load as failed', () => {
    const text = report({ name: 'a', statuses: ['passed', 'skipped', 'todo'] }, { name: 'b', statuses: [] });
    expect(fromVitest(text, 0)).toMatchObject({ passed: 1, failed: 3 });
  });

  it('are sums, with each single verdict counted as one', () => {
    const parts = [fromVerdict('lint', true), fromVerdict('types', false), fromCargo(result(5, 0), 0)];
    expect(sum(parts)).toEqual({ passed: 6, failed: 1, notes: ['types failed'] });
  });
});

describe('an error outside the tests', () => {
  const passing = report({ name: '/root/a.spec.ts', statuses: ['passed', 'passed'] });
  const hook = passing.replace('"status":"passed","assert', '"status":"failed","message":"afterAll is late","assert');

  it('counts once and is named, whether a hook threw it or nobody awaited it', () => {
    expect(fromVitest(hook, 1)).toEqual({
      passed: 2,
      failed: 1,
      notes: ['/root/a.spec.ts: outside its tests: afterAll is late'],
    });
    const outside = `${JSON.stringify({ file: '/root/a.spec.ts', message: 'Error: x' })}\n${JSON.stringify({ file: '', message: 'Error: y' })}\n`;
    expect(fromVitest(withOutside(passing, outside), 1).notes).toEqual([
      '/root/a.spec.ts: outside its tests: Error: x',
      'no file: could not be loaded: Error: y',
    ]);
  });

  it('is put right by a second run in which its file has none', () => {
    expect(filesToRepeat(hook, '/root')).toEqual(['a.spec.ts']);
    const after = afterSecondRun(fromVitest(hook, 1), hook, passing);
    expect(after.totals).toEqual({ passed: 2, failed: 0, notes: [] });
    expect(after.unsteady).toHaveLength(1);
    expect(afterSecondRun(fromVitest(hook, 1), hook, hook).totals).toMatchObject({ passed: 2, failed: 1 });
  });

  it('without a file is never put right', () => {
    const lost = withOutside(passing, `${JSON.stringify({ file: '', message: 'Worker exited unexpectedly' })}\n`);
    expect(filesToRepeat(lost, '/root')).toEqual([]);
    expect(afterSecondRun(fromVitest(lost, 1), lost, passing).totals).toMatchObject({ passed: 2, failed: 1 });
  });

  it('reaches the totals of a real run, with the file and the test it happened in', () => {
    const program = fileURLToPath(new URL('./outside/run.ts', import.meta.url));
    const directory = mkdtempSync(join(tmpdir(), 'millrace-outside-'));
    const path = join(directory, 'report.json');
    try {
      const { status } = spawnSync(process.execPath, ['--import', 'tsx', program, path], { encoding: 'utf8' });
      const merged = withOutside(readFileSync(path, 'utf8'), readFileSync(outsideOf(path), 'utf8'));
      const { passed, notes } = fromVitest(merged, status);
      expect(passed).toBe(1);
      expect(notes).toHaveLength(1);
      expect(notes[0]).toMatch(/unawaited\.ts: outside its tests: Error: nobody awaits this during "leaves a promise/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('a second run', () => {
  const failing = (name: string, ...statuses: string[]) =>
    JSON.stringify({
      testResults: [
        {
          name,
          status: 'failed',
          assertionResults: statuses.map((status, i) => ({
            status,
            fullName: `test ${i}`,
            failureMessages: ['late\nat'],
          })),
        },
      ],
    });
  const root = '/root';

  it('is for few failed files, and for none that looks for loss', () => {
    expect(filesToRepeat(failing('/root/net/a.spec.ts', 'passed', 'failed', 'failed'), root)).toEqual([
      'net/a.spec.ts',
    ]);
    const searching = ['crash/a', 'conformance/kill-nine-bulk', 'redis/lock-step', 'history/checker', 'kv/locks'];
    for (const name of [...searching, 'memory/traffic-teardown', 'conformance/kafka/durable-topics']) {
      expect(filesToRepeat(failing(`/root/${name}.spec.ts`, 'failed'), root)).toEqual([]);
    }
    const many = report(...Array.from({ length: 5 }, (_, i) => ({ name: `/root/${i}.spec.ts`, statuses: ['failed'] })));
    expect(filesToRepeat(many, root)).toEqual([]);
    expect(filesToRepeat(undefined, root)).toEqual([]);
  });

  it('puts right what passes then, names it with its first message, and nothing else', () => {
    const first = failing('/root/a.spec.ts', 'failed', 'failed', 'skipped', 'passed');
    const totals = fromVitest(first, 1);
    expect(totals).toMatchObject({ passed: 1, failed: 3 });
    const after = afterSecondRun(totals, first, failing('/root/a.spec.ts', 'passed', 'failed', 'passed', 'passed'));
    expect(after.totals).toEqual({
      passed: 2,
      failed: 2,
      notes: ['/root/a.spec.ts: test 1 (failed)', '/root/a.spec.ts: test 2 (skipped)'],
    });
    expect(after.unsteady).toEqual(['/root/a.spec.ts: test 0 (failed), then passed alone: late']);
  });

  it('that ends without a report puts nothing right', () => {
    const first = failing('/root/a.spec.ts', 'failed');
    expect(afterSecondRun(fromVitest(first, 1), first, undefined).totals).toMatchObject({ passed: 0, failed: 1 });
  });
});
