/**
 * What each flush policy and durability level costs, side by side: appends of an embedded log, one caller at a time, at a
 * fixed rate, and by a crowd. Prints a table for people to choose by, with what each may lose; with `--into FILE` it stands
 * in that page, in place of the one that was there.
 *
 * Invariant: all policies are measured in turn, several times, on the same disk in the same run, and the table carries the
 * conditions it holds under.
 *
 * ```
 * npx tsx benches/policies.ts [--seconds S] [--rounds N] [--rate N] [--dir DIR] [--into FILE] [--json FILE]
 * ```
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { describeLoss, parseFlushText } from '../ts/durability.ts';
import { CROWD, type PolicyRound, policies, policyRound, SIZE } from './policy-work.ts';

const begin = '<!-- policies: npx tsx benches/policies.ts --into README.md -->';
const end = '<!-- policies end -->';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '1000' },
    dir: { type: 'string', default: tmpdir() },
    into: { type: 'string' },
    json: { type: 'string' },
  },
});
const durationMs = Number(values.seconds) * 1000;
const rate = Number(values.rate);

function median(numbers: readonly number[]): number {
  return numbers.toSorted((left, right) => left - right)[numbers.length >> 1] ?? Number.NaN;
}

function time(micros: number): string {
  return micros >= 1000 ? `${(micros / 1000).toPrecision(3)} ms` : `${micros.toPrecision(3)} us`;
}

const results: PolicyRound[][] = policies.map(() => []);
// The first round is for the disk and the compiler.
for (let count = 0; count <= Number(values.rounds); count += 1) {
  for (const [index, [flush, durability]] of policies.entries()) {
    process.stderr.write(`round ${count} of ${values.rounds}: ${flush}, ${durability}\n`);
    const one = await policyRound([flush, durability], { dir: values.dir, durationMs, rate });
    if (count > 0) results[index]?.push(one);
  }
}

const rows = policies.map(([flush, durability], index) => {
  const of = (pick: (one: PolicyRound) => number): number => median((results[index] ?? []).map(pick));
  const rateMet = (results[index] ?? []).every(({ steady }) => steady.rateMet);
  const killed = durability === 'memory' ? 'what was not yet written' : 'nothing acknowledged';
  return [
    `\`${flush}\`, \`${durability}\``,
    time(of(({ alone }) => alone.latencyMicros.p50)),
    rateMet
      ? `${time(of(({ steady }) => steady.latencyMicros.p50))} / ${time(of(({ steady }) => steady.latencyMicros.p99))}`
      : 'not reached',
    Math.round(of(({ crowd }) => crowd.operationsPerSecond)).toLocaleString('en-US'),
    killed,
    describeLoss(parseFlushText(flush), durability).replace(/^a power cut (or kill -9 )?loses /, ''),
  ];
});
const { disk, kernel, node, driver } = results[0]?.[0]?.alone.conditions ?? {};
const table = [
  `| policy, level | one at a time, p50 | at ${rate}/s, p50 / p99 | ${CROWD} at a time, per second | kill -9 takes | a power cut takes |`,
  '|---|---|---|---|---|---|',
  ...rows.map((row) => `| ${row.join(' | ')} |`),
  '',
  `Appends of ${SIZE} bytes to an embedded log; medians of ${values.rounds} rounds of ${values.seconds} s each, measured in turn. ${cpus().length} x`,
  `${cpus()[0]?.model ?? 'unknown'}, ${disk}, Linux ${kernel}, Node ${node}, driver ${driver}.`,
  'The rate is an open loop: a latency counts from when the append was due.',
].join('\n');
process.stdout.write(`${table}\n`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ policies, results }, null, 2)}\n`);
if (values.into !== undefined) {
  const page = readFileSync(values.into, 'utf8');
  const section = `${begin}\n${table}\n${end}`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  const own =
    from < 0 || to < 0
      ? page.replace(/^## Guides$/m, `## What each policy costs\n\n${section}\n\n## Guides`)
      : undefined;
  writeFileSync(values.into, own ?? `${page.slice(0, from)}${section}${page.slice(to + end.length)}`);
}
