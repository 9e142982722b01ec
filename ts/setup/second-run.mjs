/**
 * Which failed spec files `npm test` runs a second time, alone, and what then counts. Machines are shared: a test that
 * waits can miss a bound because something else held the processor. It runs nothing itself.
 *
 * Invariant: what failed is always printed, with its first message; only a test that passes counts as passed; nothing
 * that looks for lost or wrong data is ever asked twice.
 */
import { isAbsolute, relative } from 'node:path';
import { failuresOf, filesOf } from './tally.mjs';

/** More files than this that fail together are no accident of the machine. */
const FILES_MOST = 4;
/** Loss that happens once in a hundred runs is loss: what searches for it by chance is judged by its first run. */
const JUDGED_ONCE = new RegExp(
  [
    '(^|/)(backup|crash|history|keyv|kv|level|log|memory|unstorage)/',
    'comparison|durab|exactly|hostile|kill|lent|lock-?step|planted|power|prove|restart|served-log|simulated-disk|streams|transactions',
  ].join('|'),
);

/**
 * @param {string | undefined} report of the first run
 * @param {string} root the repository
 * @returns {string[]} paths below `root`; empty when a second run decides nothing
 */
export function filesToRepeat(report, root) {
  const named = failuresOf(report).filter(({ file }) => isAbsolute(file));
  const files = [...new Set(named.map(({ file }) => relative(root, file)))];
  return files.length > FILES_MOST ? [] : files.filter((file) => !JUDGED_ONCE.test(file));
}

/**
 * The first run's totals with what the second run put right.
 * @param {import('./tally.mjs').Totals} first
 * @param {string | undefined} firstReport
 * @param {string | undefined} secondReport
 * @returns {{ totals: import('./tally.mjs').Totals, unsteady: string[] }} `unsteady`: a line for each test that failed
 *   and then passed
 */
export function afterSecondRun(first, firstReport, secondReport) {
  const stillFailing = new Set(failuresOf(secondReport).map(({ note }) => note));
  const passed = new Set(passedIn(secondReport));
  /** @type {string[]} */
  const unsteady = [];
  const put = new Set();
  for (const { note, key, message } of failuresOf(firstReport)) {
    if (key === undefined || stillFailing.has(note) || !passed.has(key)) continue;
    put.add(note);
    unsteady.push(`${note}, then passed alone: ${message}`);
  }
  const notes = first.notes.filter((note) => !put.has(note));
  const tests = failuresOf(firstReport).filter(({ note, key, file }) => put.has(note) && key !== file).length;
  const totals = { passed: first.passed + tests, failed: first.failed - unsteady.length, notes };
  return { totals, unsteady };
}

/** @param {string | undefined} report @returns {string[]} */
function passedIn(report) {
  return filesOf(report).flatMap((file) => [
    ...(file.status === 'passed' ? [file.name] : []),
    ...file.assertionResults
      .filter(({ status }) => status === 'passed')
      .map(({ fullName }) => `${file.name}: ${fullName}`),
  ]);
}
