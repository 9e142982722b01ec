/** The page of a bench run: conditions, medians with their spread, ratios to our side, goals, and the plots it shows. */
import { describe, expect, it } from 'vitest';
import { type BenchReport, benchPage } from '../../benches/page.ts';
import { type Figures, runScenario, type Scenario, type Size } from '../../benches/scenario.ts';
import { figureAt, measureSweep, sweptNames } from '../../benches/sweep.ts';

const size: Size = { warmUpSeconds: 1, seconds: 2, repetitions: 3, discarded: 1, rivals: true };
const sweep = { over: 'connections', steps: [1, 16] };

/** A scenario whose sides answer `rounds` in turn, the first one before anything is counted. */
async function resultOf(scenario: Partial<Scenario>, sides: Record<string, readonly Figures[]>) {
  const own: Scenario = {
    name: 'made-up',
    what: 'nothing at all',
    goals: [],
    open: async () =>
      Object.entries(sides).map(([name, rounds]) => {
        let round = 0;
        return { name, measure: async () => rounds[round++] ?? {} };
      }),
    ...scenario,
  };
  return runScenario(own, { size, directory: () => '/nowhere', defer: () => {} });
}

const pageOf = (...results: BenchReport['results']) =>
  benchPage({ conditions: { cpu: '2 x any', 'file system': 'ext4' }, size, results });

describe('a page', () => {
  it('begins with the conditions, and tells medians with their spread, ratios and goals', async () => {
    const rates = (...all: readonly number[]): Figures[] => all.map((requestsPerSecond) => ({ requestsPerSecond }));
    const result = await resultOf(
      { goals: [{ figure: 'requestsPerSecond', side: 'ours', against: 'theirs', ratioAtLeast: 3 }] },
      { ours: rates(1, 4000, 5000, 4400), theirs: rates(1, 2000, 2200, 2100) },
    );
    const { markdown, plots } = pageOf(result);
    expect(markdown).toContain('- cpu: 2 x any\n- file system: ext4\n');
    expect(markdown).toContain('3 x 2 s each after 1 s of warm-up');
    expect(markdown).toContain('## made-up\n\nnothing at all.');
    expect(markdown).toContain('| ours | 4.4 k (4 k to 5 k) | 1.00 x |');
    expect(markdown).toContain('| theirs | 2.1 k (2 k to 2.2 k) | 0.48 x |');
    expect(markdown).toMatch(/^- MISSED requestsPerSecond: ours is 2\.10 x theirs/m);
    expect(plots).toEqual([]);
  });

  it('has a table and a plot for each figure of a sweep', async () => {
    const curve = (factor: number) => (step: number) =>
      Promise.resolve({ requestsPerSecond: step * factor, latencyMicrosP99: 100 * step });
    const [ours, theirs] = await Promise.all([measureSweep(sweep, curve(100)), measureSweep(sweep, curve(50))]);
    const { markdown, plots } = pageOf(
      await resultOf({ sweep }, { ours: Array(4).fill(ours), theirs: Array(4).fill(theirs) }),
    );
    expect(markdown).toContain('| requestsPerSecond by connections | 1 | 16 |');
    expect(markdown).toContain('| theirs | 50 (50 to 50), 0.50 x | 800 (800 to 800), 0.50 x |');
    expect(plots.map(({ file }) => file)).toEqual(['made-up-requestsPerSecond.svg', 'made-up-latencyMicrosP99.svg']);
    for (const { file, svg } of plots) {
      expect(markdown).toContain(`](${file})`);
      expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    }
  });

  it('shows percentiles at the highest rate that all reached every time, and says where one did not', async () => {
    const latencies = (rateMet: number): Figures => ({
      rateMet,
      latencyMicrosP50: 100,
      latencyMicrosP90: 200,
      latencyMicrosP99: 900,
      latencyMicrosP999: 4000,
    });
    const at = (isMet: (step: number) => boolean) =>
      measureSweep(sweep, async (step) => latencies(isMet(step) ? 1 : 0));
    const [fast, slow] = await Promise.all([at(() => true), at((step) => step < 16)]);
    const { markdown, plots } = pageOf(
      await resultOf({ sweep }, { ours: Array(4).fill(fast), theirs: [fast, slow, slow, slow] }),
    );
    expect(markdown).toContain('1.00 x, rate not reached |');
    expect(plots.find(({ file }) => file === 'made-up-percentiles.svg')?.title).toMatch(/ at 1 connections$/);
  });

  it('shows what each promise costs, and no latency of a rate that was not reached', async () => {
    const cost = (latencyMicrosP99: number, rateMet: number): Figures[] =>
      Array(4).fill({ aloneLatencyMicrosP50: 50, latencyMicrosP99, rateMet, recordsPerSecond: 1000 });
    const { plots } = pageOf(
      await resultOf({ name: 'policies' }, { 'always, durable': cost(777, 1), 'os, memory': cost(888, 0) }),
    );
    expect(plots.map(({ file }) => file)).toEqual(['policies-latency.svg', 'policies-throughput.svg']);
    expect(plots[0]?.svg).toContain('>777<');
    expect(plots[0]?.svg).not.toContain('>888<');
  });
});

it('a figure of a step is found under its name', async () => {
  const figures = await measureSweep(sweep, async (step) => ({ a: step, b: -step }));
  expect(sweptNames(figures)).toEqual(['a', 'b']);
  expect(figureAt(figures, 'b', 16)).toBe(-16);
  expect(figureAt(figures, 'b', 4)).toBeUndefined();
});
