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
 * @typedef {{ status: string, fullName: string, failureMessages?: string[] }} Assertion
 * @typedef {{ name: string, status: string, message?: string, assertionResults: Assertion[] }} TestFile
 * @typedef {{ file: string, key: string | undefined, note: string, message: string }} Failure `key` names a test that ran
 *   and failed, or a file with an error outside its tests; a file that could not be loaded and a skipped test have none
 */

/** @param {string | undefined} report text of vitest's JSON report @returns {TestFile[]} */
export function filesOf(report) {
  return report === undefined ? [] : JSON.parse(report).testResults;
}

/**
 * Everything in a vitest report that is not a passed test. A skipped test counts, as does a file without any, and one whose
 * tests all passed when something beside them failed: a hook, a promise that nobody awaited.
 * @param {string | undefined} report
 * @returns {Failure[]}
 */
export function failuresOf(report) {
  return filesOf(report).flatMap((file) => {
    const failures = file.assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ status, fullName, failureMessages }) => ({
        file: file.name,
        key: status === 'failed' ? `${file.name}: ${fullName}` : undefined,
        note: `${file.name}: ${fullName} (${status})`,
        message: String(failureMessages?.[0] ?? '').split('\n', 1)[0] ?? '',
      }));
    const message = file.message ?? '';
    if (file.assertionResults.length === 0) {
      return [{ file: file.name, key: undefined, note: `${file.name}: could not be loaded: ${message}`, message }];
    }
    if (failures.length > 0 || file.status === 'passed') return failures;
    return [{ file: file.name, key: file.name, note: `${file.name}: outside its tests: ${message}`, message }];
  });
}

/**
 * Totals of a vitest run, from its JSON report. An error outside every test counts as a failure too.
 * @param {string | undefined} report text of the report, undefined when none was written
 * @param {number | null} exitCode
 * @returns {Totals}
 */
export function fromVitest(report, exitCode) {
  const all = filesOf(report).flatMap(({ assertionResults }) => assertionResults);
  const notes = failuresOf(report).map(({ note }) => note);
  const passed = all.filter(({ status }) => status === 'passed').length;
  if (notes.length === 0 && (exitCode !== 0 || passed === 0)) {
    notes.push(`vitest ended with ${exitCode} without a failed test`);
  }
  return { passed, failed: notes.length, notes };
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
