/**
 * `npm test`: all set-up, then every check and every test, then one line with the true totals. `.ci/run` is this.
 * It holds no test itself, and no threshold.
 *
 * Invariant: a step that fails never stops the later ones, and never leaves the exit code zero.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureMachineTools } from './machine-tools.mjs';
import { outsideOf, withOutside } from './outside-errors.mjs';
import { prepare } from './prepare.mjs';
import { findCargo, SetupError } from './prerequisites.mjs';
import { afterSecondRun, filesToRepeat } from './second-run.mjs';
import { fromCargo, fromVerdict, fromVitest, sum } from './tally.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const report = join(root, '.cache/test/vitest.json');
const secondReport = join(root, '.cache/test/vitest-second.json');

/** How long one step may take, in ms: the longest takes sixteen minutes on two idle cores. A step that hangs has failed. */
const STEP_LIMIT_MS = 40 * 60_000;

/**
 * Runs a command, showing its output and keeping what it wrote to stdout.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ code: number | null, stdout: string }>}
 */
function runTool(command, args, env) {
  return new Promise((resolve) => {
    // A process group of its own, so that ending a step ends what it started.
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    const limit = setTimeout(() => {
      process.stderr.write(`${command} ${args.join(' ')}: ended after ${STEP_LIMIT_MS / 60_000} minutes\n`);
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      resolve({ code: null, stdout: Buffer.concat(chunks).toString('utf8') });
    }, STEP_LIMIT_MS);
    // It no longer hears the terminal by itself.
    const interrupt = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      process.exit(130);
    };
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
    /** @type {Buffer[]} */
    const chunks = [];
    child.stdout.on('data', (chunk) => {
      chunks.push(chunk);
      process.stdout.write(chunk);
    });
    const ended = () => {
      clearTimeout(limit);
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    };
    child.on('error', (error) => {
      ended();
      process.stderr.write(`${command}: ${error.message}\n`);
      resolve({ code: 127, stdout: '' });
    });
    child.on('close', (code) => {
      ended();
      resolve({ code, stdout: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** @typedef {{ code: number | null, stdout: string }} Outcome */

/**
 * The steps after set-up, cheapest first, each with how its outcome is counted.
 * @typedef {{ name: string, command: string[], repeats?: true, count: (outcome: Outcome) => import('./tally.mjs').Totals }} Step
 * @returns {Step[]}
 */
function steps() {
  /** @param {string} name @param {string[]} command */
  const verdict = (name, ...command) => {
    return { name, command, count: (/** @type {Outcome} */ outcome) => fromVerdict(name, outcome.code === 0) };
  };
  return [
    verdict('format and lint of TypeScript', 'npx', 'biome', 'check', '--error-on-warnings', '.'),
    verdict('types', 'npx', 'tsc', '-p', 'tsconfig.json'),
    verdict('types of the console', 'npx', 'tsc', '-p', 'tsconfig.console.json'),
    verdict('format of Rust', 'cargo', 'fmt', '--all', '--check'),
    verdict('lint of Rust', 'cargo', 'clippy', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'),
    verdict(
      'lint of Rust with planted bugs',
      ...['cargo', 'clippy', '--locked', '-p', 'millrace-engine', '--features', 'planted', '--all-targets'],
      ...['--', '-D', 'warnings'],
    ),
    {
      name: 'Rust tests',
      command: ['cargo', 'test', '--workspace', '--locked', '--no-fail-fast'],
      count: (outcome) => fromCargo(outcome.stdout, outcome.code),
    },
    {
      // Known bugs are compiled in, one at a time switched on: the crash tests must find each.
      name: 'planted bugs',
      command: [
        ...['cargo', 'test', '--locked', '--no-fail-fast', '-p', 'millrace-journal', '-p', 'millrace-engine'],
        ...['--features', 'planted', '--test', '*planted'],
      ],
      count: (outcome) => fromCargo(outcome.stdout, outcome.code),
    },
    {
      name: 'TypeScript tests',
      command: ['npx', 'vitest', 'run'],
      repeats: true,
      count: (outcome) => fromVitest(reportAt(report), outcome.code),
    },
    verdict('benches at smoke size', 'npm', 'run', '--silent', 'bench:smoke'),
  ];
}

/** @param {string} path @returns {string | undefined} */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a run of vitest left, with its errors outside every test. @param {string} path @returns {string | undefined} */
function reportAt(path) {
  return withOutside(textOf(path), textOf(outsideOf(path)));
}

/**
 * Runs failed spec files again, alone, when that can tell a slow moment of the machine from a failure.
 * @param {import('./tally.mjs').Totals} first
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('./tally.mjs').Totals>}
 */
async function repeat(first, env) {
  const files = filesToRepeat(reportAt(report), root);
  if (files.length === 0) return first;
  process.stdout.write(`\n=== the failed specs again, alone: ${files.join(', ')}\n`);
  for (const path of [secondReport, outsideOf(secondReport)]) rmSync(path, { force: true });
  const again = { ...env, MILLRACE_TEST_REPORT: secondReport };
  await runTool('npx', ['vitest', 'run', '--maxWorkers=1', ...files], again);
  const { totals, unsteady } = afterSecondRun(first, reportAt(report), reportAt(secondReport));
  for (const line of unsteady) process.stdout.write(`UNSTEADY ${line}\n`);
  return totals;
}

/** @returns {Promise<void>} */
async function test() {
  /** @type {import('./tally.mjs').Totals[]} */
  const parts = [];
  try {
    prepare(root);
    ensureMachineTools();
    const env = { ...process.env, ...findCargo(root), FORCE_COLOR: '0', MILLRACE_TEST_REPORT: report };
    for (const path of [report, outsideOf(report)]) rmSync(path, { force: true });
    mkdirSync(dirname(report), { recursive: true });
    for (const step of steps()) {
      process.stdout.write(`\n=== ${step.name}\n`);
      const started = Date.now();
      const [command, ...args] = /** @type {[string, ...string[]]} */ (step.command);
      const outcome = await runTool(command, args, env);
      const first = step.count(outcome);
      const part = step.repeats && first.failed > 0 ? await repeat(first, env) : first;
      parts.push(part);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`=== ${step.name}: ${part.passed} passed, ${part.failed} failed, ${seconds} s\n`);
    }
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    parts.push(fromVerdict(`set-up: ${error.message}`, false));
  }
  const totals = sum(parts);
  process.stdout.write(`\n${totals.notes.map((note) => `FAILED ${note}\n`).join('')}`);
  process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

await test();
