/**
 * A reporter of vitest that ends a run in which no test has finished for a long time, and says what was running. Vitest
 * has limits for tests, but they are timers of the test's own process: they do not fire when its thread is blocked.
 *
 * Invariant: it never makes a run pass; a run it ended has no report, which counts as a failure.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Silence after which a run counts as stuck, in ms. The slowest single test takes some 30 s. */
const DEFAULT_SILENCE_MS = 240_000;
/** How long processor time is watched to tell a blocked process from one that spins, in ms. */
const SAMPLE_MS = 2000;

/** @param {string} path @returns {string} */
function textOf(path) {
  try {
    return readFileSync(path, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** @param {number} pid @returns {{ parent: number, state: string, ticks: number } | undefined} */
function statusOf(pid) {
  const fields = textOf(`/proc/${pid}/stat`).split(') ')[1]?.split(' ');
  if (!fields) return undefined;
  return { state: String(fields[0]), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** Every process below `root`. @param {number} root @returns {number[]} */
function descendants(root) {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), statusOf(Number(name))?.parent]),
  );
  const below = new Set([root]);
  for (let before = 0; before !== below.size; ) {
    before = below.size;
    for (const [pid, parent] of parents) if (parent !== undefined && below.has(parent)) below.add(pid);
  }
  below.delete(root);
  return [...below];
}

/** What each thread of a process waits for. @param {number} pid @returns {string[]} */
function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).map((task) => {
      const at = `/proc/${pid}/task/${task}`;
      return `    ${task} ${textOf(`${at}/comm`)}: ${textOf(`${at}/wchan`)} [${textOf(`${at}/syscall`).split(' ')[0]}]`;
    });
  } catch {
    return [];
  }
}

/** Prints what runs below this process. @returns {Promise<void>} */
async function describe() {
  const before = new Map(descendants(process.pid).map((pid) => [pid, statusOf(pid)?.ticks ?? 0]));
  await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  for (const [pid, ticks] of before) {
    const status = statusOf(pid);
    if (!status) continue;
    const used = ((status.ticks - ticks) * 10_000) / SAMPLE_MS / 10;
    process.stderr.write(
      `  ${pid} ${status.state} ${used.toFixed(0)} % ${textOf(`/proc/${pid}/cmdline`).slice(0, 160)}\n`,
    );
    process.stderr.write(`${threadsOf(pid).join('\n')}\n`);
  }
}

/** The reporter; vitest makes one a run. */
export class StuckSpecs {
  /** @type {Map<string, string>} file, and the last test of it that has finished */
  #open = new Map();
  #last = Date.now();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #silenceMs;

  /** @param {number} [silenceMs] */
  constructor(silenceMs = DEFAULT_SILENCE_MS) {
    this.#silenceMs = silenceMs;
  }

  /** @param {readonly { moduleId: string }[]} specifications */
  onTestRunStart(specifications) {
    for (const { moduleId } of specifications) this.#open.set(moduleId, 'nothing finished yet');
    this.#last = Date.now();
    this.#timer = setInterval(() => {
      if (Date.now() - this.#last > this.#silenceMs) void this.#end();
    }, this.#silenceMs / 50);
  }

  /** @param {{ module: { moduleId: string }, fullName: string }} test */
  onTestCaseResult(test) {
    this.#last = Date.now();
    this.#open.set(test.module.moduleId, test.fullName);
  }

  /** @param {{ moduleId: string }} testModule */
  onTestModuleEnd(testModule) {
    this.#last = Date.now();
    this.#open.delete(testModule.moduleId);
  }

  onTestRunEnd() {
    clearInterval(this.#timer);
  }

  async #end() {
    clearInterval(this.#timer);
    process.stderr.write(`\nNo test has finished for ${this.#silenceMs / 1000} s. Processes below the runner:\n`);
    await describe();
    process.stderr.write('Files that have not ended, with the last test of each that finished:\n');
    for (const [file, last] of this.#open) process.stderr.write(`  ${relative('.', file)}: ${last}\n`);
    for (const pid of descendants(process.pid)) process.kill(pid, 'SIGKILL');
    process.exit(1);
  }
}
