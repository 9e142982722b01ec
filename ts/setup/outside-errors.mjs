/**
 * What goes wrong outside every test: a promise that nobody awaits, a timer, a process of vitest that dies. Vitest prints such
 * an error and ends with 1, but its JSON report says nothing of it. The reporter here writes a file beside that report, and
 * `withOutside` puts both together. It judges nothing.
 *
 * Invariant: an error never gets lost because no file is known for it.
 */
import { writeFileSync } from 'node:fs';

/** @typedef {{ file: string, message: string }} OutsideError `file` is empty where vitest does not know it */

/** Where the reporter writes. @param {string} report path of the JSON report @returns {string} */
export const outsideOf = (report) => `${report}.outside`;

/** A reporter; vitest makes one a run. */
export class OutsideErrors {
  #report;

  /** @param {string} report path of the JSON report */
  constructor(report) {
    this.#report = report;
  }

  /** @param {unknown} _modules @param {readonly { name?: string, message?: string, stack?: string }[]} errors */
  onTestRunEnd(_modules, errors) {
    const lines = errors.map((error) => {
      const at = /^\s+at .*$/m.exec(error.stack ?? '')?.[0].trim() ?? '';
      const { VITEST_TEST_PATH: file, VITEST_TEST_NAME: test } = /** @type {Record<string, unknown>} */ (error);
      const during = typeof test === 'string' ? ` during "${test}"` : '';
      const message = `${error.name ?? 'Error'}: ${String(error.message).split('\n', 1)[0]}${during} ${at}`;
      return JSON.stringify({ file: typeof file === 'string' ? file : '', message });
    });
    writeFileSync(outsideOf(this.#report), lines.map((line) => `${line}\n`).join(''));
  }
}

/**
 * The report with each error outside the tests on its file.
 * @param {string | undefined} report text of vitest's JSON report
 * @param {string | undefined} outside text of what the reporter wrote
 * @returns {string | undefined}
 */
export function withOutside(report, outside) {
  if (report === undefined || !outside) return report;
  /** @type {{ testResults: import('./tally.mjs').TestFile[] }} */
  const whole = JSON.parse(report);
  for (const line of outside.split('\n').filter(Boolean)) {
    /** @type {OutsideError} */
    const { file, message } = JSON.parse(line);
    const known = whole.testResults.find(({ name }) => name === file);
    if (known) Object.assign(known, { status: 'failed', message: known.message || message });
    else whole.testResults.push({ name: file || 'no file', status: 'failed', message, assertionResults: [] });
  }
  return JSON.stringify(whole);
}
