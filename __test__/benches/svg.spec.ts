/** Plots: well formed, every point where its value belongs, and nothing of a name becomes markup. */
import { expect, it } from 'vitest';
import { barPlot, linePlot, short } from '../../benches/svg.ts';

const numbers = (svg: string, pattern: RegExp): number[][] =>
  [...svg.matchAll(pattern)].map((match) => match.slice(1).map(Number));
const circles = (svg: string): number[][] => numbers(svg, /<circle cx="([\d.]+)" cy="([\d.]+)"/g);
const texts = (svg: string): string[] =>
  [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map((match) => match[1] ?? '');

/** Throws unless every element is closed by its own name. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name = '', ownEnd] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (closing === '/') expect(open.pop()).toBe(name);
    else if (ownEnd !== '/') open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg.replaceAll(/<[^<>]*>/g, '')).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;)/);
}

const plot = {
  title: 'Requests a second',
  xLabel: 'connections',
  yLabel: 'requests/s',
  logX: true,
  series: [
    { name: 'ours', points: [1, 4, 16].map((x) => ({ x, y: x * 1000, low: x * 900, high: x * 1100 })) },
    {
      name: 'theirs',
      points: [
        { x: 1, y: 500 },
        { x: 16, y: 4000 },
      ],
    },
  ],
};

it('draws a line a series with a point for each value, and the same text again', () => {
  const svg = linePlot(plot);
  assertWellFormed(svg);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(circles(svg)).toHaveLength(5);
  expect(texts(svg)).toEqual(
    expect.arrayContaining(['Requests a second', 'connections', 'ours', 'theirs', '1', '4', '16']),
  );
  expect(linePlot(plot)).toBe(svg);
});

it('puts equal ratios at equal distances on a scale of logarithms, and larger values higher', () => {
  const [one, four, sixteen] = circles(linePlot({ ...plot, logY: true }));
  expect((four?.[0] ?? 0) - (one?.[0] ?? 0)).toBeCloseTo((sixteen?.[0] ?? 0) - (four?.[0] ?? 0), 1);
  expect((one?.[1] ?? 0) - (four?.[1] ?? 0)).toBeCloseTo((four?.[1] ?? 0) - (sixteen?.[1] ?? 0), 1);
  expect(one?.[1] ?? 0).toBeGreaterThan(four?.[1] ?? 0);
});

it('leaves out what its scale cannot show, and keeps everything else in the frame', () => {
  const points = [0, 1, 1e9, Number.NaN, Number.POSITIVE_INFINITY].map((y, x) => ({ x, y }));
  const shown = circles(linePlot({ ...plot, logX: false, logY: true, series: [{ name: 'wild', points }] }));
  expect(shown).toHaveLength(2);
  for (const [x = 0, y = 0] of shown) expect(x >= 76 && x <= 740 && y >= 40 && y <= 340).toBe(true);
});

it('marks the axis with round numbers from 0 up to the largest value', () => {
  const svg = linePlot({
    ...plot,
    series: [
      {
        name: 'one',
        points: [
          { x: 1, y: 730 },
          { x: 2, y: 20 },
        ],
      },
    ],
  });
  expect(texts(svg)).toEqual(expect.arrayContaining(['0', '200', '400', '600', '800']));
});

it('draws a bar for each name and series, as high as its value', () => {
  const svg = barPlot({
    title: 'Cost',
    yLabel: 'us',
    names: ['always, durable', 'os, written'],
    series: [
      { name: 'p50', values: [100, 10] },
      { name: 'p99', values: [200, 40] },
    ],
  });
  assertWellFormed(svg);
  const heights = numbers(
    svg,
    /<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)" fill="[^"]+"><title>/g,
  ).flat();
  expect(heights.map((height) => Math.round((height / (heights[0] ?? 1)) * 100))).toEqual([100, 200, 10, 40]);
});

it('takes names as text', () => {
  const svg = linePlot({ ...plot, title: '<b> & "x"', series: [{ name: '</svg>', points: [{ x: 1, y: 1 }] }] });
  assertWellFormed(svg);
  expect(texts(svg)).toEqual(expect.arrayContaining(['&lt;b&gt; &amp; &quot;x&quot;', '&lt;/svg&gt;']));
});

it('has nothing to draw without a value', () => {
  expect(() => linePlot({ ...plot, series: [] })).toThrow(/at least one value/);
});

it('shortens numbers', () => {
  expect([0, 7, 12.345, 999, 1000, 12_345, 2_500_000].map(short)).toEqual([
    '0',
    '7',
    '12.3',
    '999',
    '1 k',
    '12.3 k',
    '2.5 M',
  ]);
});
