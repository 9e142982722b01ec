/**
 * `npm run bench`: every scenario at real size, rivals included, goals judged. `--smoke`: our own side only, seconds,
 * to see that the benches run.
 *
 * ```text
 * npm run bench -- [--smoke] [--only NAME,NAME] [--repetitions N] [--seconds S] [--warm-up S] [--discard N] [--no-rivals]
 *                  [--json FILE] [--out DIR] [--from FILE] [--dir DIR]
 * ```
 *
 * What it measured goes to `--out` (default: artifacts/bench) as bench.json and as a page with plots, bench.md. `--from`
 * measures nothing and makes the page of an earlier JSON anew.
 *
 * Exit code 1 when a scenario fails or a goal is missed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conditions } from './conditions.ts';
import { processorTime, stolenShare } from './disturbance.ts';
import { buildLoadTools } from './load-tools.ts';
import { type BenchReport, benchPage } from './page.ts';
import { table } from './report.ts';
import { runScenario, type Scenario, type ScenarioResult, type Size, type Workplace } from './scenario.ts';
import { clientScenarios } from './scenarios/clients.ts';
import { coldFetch } from './scenarios/cold.ts';
import { curveScenarios } from './scenarios/curves.ts';
import { embeddedAppend } from './scenarios/embedded.ts';
import { ioScenarios } from './scenarios/io.ts';
import { kvScenarios } from './scenarios/kv.ts';
import { policyCosts } from './scenarios/policies.ts';
import { redisScenarios } from './scenarios/redis.ts';
import { coldReplay, manyPartitions, openAfterKill, sequentialAppend } from './scenarios/storage.ts';
import { hotFetch, largeBatches, oneInFlight, smallRequests } from './scenarios/wire.ts';

const scenarios: readonly Scenario[] = [
  embeddedAppend,
  smallRequests,
  largeBatches,
  oneInFlight,
  hotFetch,
  ...curveScenarios,
  policyCosts,
  ...redisScenarios,
  ...kvScenarios,
  ...ioScenarios,
  sequentialAppend,
  manyPartitions,
  coldFetch,
  coldReplay,
  openAfterKill,
  ...clientScenarios,
];
const SMOKE: Size = { warmUpSeconds: 0.2, seconds: 0.5, repetitions: 1, discarded: 0, rivals: false };
const REAL: Size = { warmUpSeconds: 2, seconds: 5, repetitions: 5, discarded: 2, rivals: true };

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string' },
    repetitions: { type: 'string' },
    seconds: { type: 'string' },
    'warm-up': { type: 'string' },
    discard: { type: 'string' },
    'no-rivals': { type: 'boolean', default: false },
    json: { type: 'string' },
    out: { type: 'string', default: join('artifacts', 'bench') },
    from: { type: 'string' },
    dir: { type: 'string', default: tmpdir() },
  },
});

/** Directories and servers of one scenario; everything is ended and removed by `close`. */
function openWorkplace(size: Size): Workplace & { close(): Promise<void> } {
  const base = mkdtempSync(join(values.dir, 'millrace-bench-'));
  const ends: (() => PromiseLike<void> | void)[] = [];
  return {
    size,
    directory(name) {
      const path = join(base, name);
      mkdirSync(path, { recursive: true, mode: 0o700 });
      return path;
    },
    defer: (end) => void ends.push(end),
    async close() {
      for (const end of ends.reverse()) await end();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

async function run(scenario: Scenario, size: Size): Promise<ScenarioResult> {
  const workplace = openWorkplace(size);
  const before = processorTime();
  try {
    const result = await runScenario(scenario, workplace);
    return { ...result, stolenShare: stolenShare(before, processorTime()) };
  } finally {
    await workplace.close();
  }
}

function chosen(): readonly Scenario[] {
  if (values.only === undefined) return scenarios.filter(({ isLong }) => !(values.smoke && isLong));
  const names = values.only.split(',');
  const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new Error(`no bench is called ${unknown}: ${scenarios.map(({ name }) => name)}`);
  return scenarios.filter(({ name }) => names.includes(name));
}

function chosenSize(): Size {
  const base = values.smoke ? SMOKE : REAL;
  return {
    warmUpSeconds: values['warm-up'] === undefined ? base.warmUpSeconds : Number(values['warm-up']),
    seconds: values.seconds === undefined ? base.seconds : Number(values.seconds),
    repetitions: values.repetitions === undefined ? base.repetitions : Number(values.repetitions),
    discarded: values.discard === undefined ? base.discarded : Number(values.discard),
    rivals: base.rivals && !values['no-rivals'],
  };
}

/** Writes JSON, page and plots. */
function writePage(report: BenchReport): void {
  const { markdown, plots } = benchPage(report);
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(values.out, 'bench.md'), markdown);
  for (const { file, svg } of plots) writeFileSync(join(values.out, file), svg);
  process.stdout.write(`${join(values.out, 'bench.md')}: ${report.results.length} scenarios, ${plots.length} plots\n`);
}

/** Measures what was chosen, saying each result when it is there; answers how much failed or missed its goal. */
async function measureAll(): Promise<number> {
  if (chosen().some(({ usesLoadTools }) => usesLoadTools !== false)) buildLoadTools();
  const size = chosenSize();
  const facts = conditions(values.dir);
  const lines = Object.entries(facts).map(([name, fact]) => `${name}: ${fact}\n`);
  process.stdout.write(`${lines.join('')}\n`);
  const results: ScenarioResult[] = [];
  let failures = 0;
  for (const scenario of chosen()) {
    try {
      const result = await run(scenario, size);
      results.push(result);
      failures += result.verdicts.filter(({ met }) => !met).length;
      process.stdout.write(`${table(result)}\n`);
    } catch (error) {
      failures += 1;
      process.stderr.write(`${scenario.name}: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
    // After each, so that a run that is ended has left what it has.
    writePage({ conditions: facts, size, results });
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ conditions: facts, size, results }, null, 2)}\n`);
  }
  return failures;
}

if (values.from !== undefined) writePage(JSON.parse(readFileSync(values.from, 'utf8')) as BenchReport);
else process.exitCode = (await measureAll()) === 0 ? 0 : 1;
