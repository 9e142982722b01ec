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
import { prepare } from './prepare.mjs';
import { findCargo, SetupError } from './prerequisites.mjs';
import { fromCargo, fromVerdict, fromVitest, sum } from './tally.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const report = join(root, '.cache/test/vitest.json');

/** How long one step may take, in ms: the longest takes six minutes on two idle cores. A step that hangs has failed. */
const STEP_LIMIT_MS = 25 * 60_000;

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
 * @returns {{ name: string, command: string[], count: (outcome: Outcome) => import('./tally.mjs').Totals }[]}
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
      count: (outcome) => fromVitest(readReport(), outcome.code),
    },
    verdict('benches at smoke size', 'npm', 'run', '--silent', 'bench:smoke'),
  ];
}

/** @returns {string | undefined} */
function readReport() {
  try {
    return readFileSync(report, 'utf8');
  } catch {
    return undefined;
  }
}

/** @returns {Promise<void>} */
async function test() {
  /** @type {import('./tally.mjs').Totals[]} */
  const parts = [];
  try {
    prepare(root);
    ensureMachineTools();
    const env = { ...process.env, ...findCargo(root), FORCE_COLOR: '0', MILLRACE_TEST_REPORT: report };
    rmSync(report, { force: true });
    mkdirSync(dirname(report), { recursive: true });
    for (const step of steps()) {
      process.stdout.write(`\n=== ${step.name}\n`);
      const started = Date.now();
      const [command, ...args] = /** @type {[string, ...string[]]} */ (step.command);
      const part = step.count(await runTool(command, args, env));
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
