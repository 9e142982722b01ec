/**
 * The totals behind the last line of `npm test`: what cargo, vitest and the single-verdict steps report, added up.
 * It runs nothing itself.
 *
 * Invariant: a run that did not say how many tests passed counts as a failure, never as nothing.
 */

/** @typedef {{ passed: number, failed: number, notes: string[] }} Totals */

/**
 * One step with one verdict: a format check, a lint, a smoke bench.
 * @param {string} name
 * @param {boolean} ok
 * @returns {Totals}
 */
export function fromVerdict(name, ok) {
  return ok ? { passed: 1, failed: 0, notes: [] } : { passed: 0, failed: 1, notes: [`${name} failed`] };
}

/**
 * Totals of a `cargo test` run, from the result line each test binary prints. An ignored test counts as failed: a
 * promise nobody checks is not kept.
 * @param {string} output everything cargo wrote to stdout
 * @param {number | null} exitCode null when a signal ended it
 * @returns {Totals}
 */
export function fromCargo(output, exitCode) {
  /** @type {Totals} */
  const totals = { passed: 0, failed: 0, notes: [] };
  let ignored = 0;
  for (const match of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm)) {
    totals.passed += Number(match[1]);
    totals.failed += Number(match[2]);
    ignored += Number(match[3]);
  }
  for (const match of output.matchAll(/^test (.+) \.\.\. FAILED$/gm)) totals.notes.push(`cargo: ${match[1]}`);
  if (ignored > 0) {
    totals.failed += ignored;
    totals.notes.push(`cargo: ${ignored} ignored tests`);
  }
  if ((exitCode !== 0 && totals.failed === 0) || totals.passed + totals.failed === 0) {
    totals.failed += 1;
    totals.notes.push(`cargo test ended with ${exitCode} (a build error, or a test binary that died)`);
  }
  return totals;
}

/**
 * @typedef {{ status: string, fullName: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: Assertion[] }} TestFile
 */

/**
 * Totals of a vitest run, from its JSON report. A skipped test counts as failed, as does a file that could not be
 * loaded, and an error outside every test.
 * @param {string | undefined} report text of the report, undefined when none was written
 * @param {number | null} exitCode
 * @returns {Totals}
 */
export function fromVitest(report, exitCode) {
  /** @type {Totals} */
  const totals = { passed: 0, failed: 0, notes: [] };
  /** @type {TestFile[]} */
  const files = report === undefined ? [] : JSON.parse(report).testResults;
  for (const file of files) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') totals.passed += 1;
      else {
        totals.failed += 1;
        totals.notes.push(`${file.name}: ${test.fullName} (${test.status})`);
      }
    }
    if (file.assertionResults.length === 0) {
      totals.failed += 1;
      totals.notes.push(`${file.name}: could not be loaded`);
    }
  }
  if ((exitCode !== 0 && totals.failed === 0) || totals.passed + totals.failed === 0) {
    totals.failed += 1;
    totals.notes.push(`vitest ended with ${exitCode} without a failed test`);
  }
  return totals;
}

/**
 * @param {readonly Totals[]} parts
 * @returns {Totals}
 */
export function sum(parts) {
  return {
    passed: parts.reduce((total, part) => total + part.passed, 0),
    failed: parts.reduce((total, part) => total + part.failed, 0),
    notes: parts.flatMap((part) => part.notes),
  };
}
