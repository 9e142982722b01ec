/**
 * Plots of a bench page as SVG text: lines over a number, and bars by name. Nothing but figures in, text out.
 *
 * Not what is plotted (plots.ts). To remember: the same figures give the same text, no script and no font of its own is in
 * it, and it can be read on a light and on a dark page.
 */

/** A point: where, how much, and between which values the repetitions lie, if there are several. */
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** What has one colour. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

/** Lines through points, over a number. Points whose value does not fit the scale (none, or not above 0) are left out. */
export interface LinePlot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Marks below; the numbers of the points when it is left out. Their text, where the number itself says little. */
  readonly xTicks?: readonly { readonly at: number; readonly text: string }[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  readonly series: readonly Series[];
}

/** One bar for each name and series. */
export interface BarPlot {
  readonly title: string;
  readonly yLabel: string;
  readonly logY?: boolean;
  readonly names: readonly string[];
  /** Values in the order of `names`. */
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const WIDTH = 760;
const LEFT = 76;
const RIGHT = 20;
const TOP = 40;
const PLOT_HEIGHT = 300;
const LEGEND_LINE = 20;
/** Told apart in grey and by people who see few colours (Okabe and Ito). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999'] as const;

/** Where a value lies, and which marks its axis has. */
interface Scale {
  place(value: number): number;
  readonly ticks: readonly number[];
}

/** The plot as SVG. Throws when there is no point that can be shown. */
export function linePlot(plot: LinePlot): string {
  const { logX = false, logY = false } = plot;
  const fits = ({ x, y }: Point): boolean => isShown(x, logX) && isShown(y, logY);
  const series = plot.series.map(({ name, points }) => ({ name, points: points.filter(fits) }));
  const points = series.flatMap((one) => one.points);
  const xScale = scale(
    points.map(({ x }) => x),
    [LEFT + 16, WIDTH - RIGHT - 16],
    { log: logX, tight: true },
  );
  const ends = points.flatMap(({ y, low = y, high = y }) => [y, ...[low, high].filter((end) => isShown(end, logY))]);
  const yScale = scale(ends, [TOP + PLOT_HEIGHT, TOP], { log: logY, tight: false });
  const xTicks = plot.xTicks ?? [...new Set(points.map(({ x }) => x))].map((at) => ({ at, text: short(at) }));
  const marks = xTicks.map(({ at, text }) => label(xScale.place(at), TOP + PLOT_HEIGHT + 18, text, 'middle'));
  const body = [
    ...axis(yScale),
    ...marks,
    label((LEFT + WIDTH - RIGHT) / 2, TOP + PLOT_HEIGHT + 38, plot.xLabel, 'middle'),
    ...series.flatMap((one, index) => curve(one.points, xScale, yScale, colourOf(index))),
  ];
  return frame(plot.title, plot.yLabel, body, series, 52);
}

/** The plot as SVG. Throws when there is no value that can be shown. */
export function barPlot({ title, yLabel, logY = false, names, series }: BarPlot): string {
  const values = series.flatMap((one) => one.values).filter((value) => isShown(value, logY));
  const yScale = scale(logY ? values : [0, ...values], [TOP + PLOT_HEIGHT, TOP], { log: logY, tight: false });
  const room = (WIDTH - RIGHT - LEFT) / Math.max(1, names.length);
  const width = (room * 0.8) / Math.max(1, series.length);
  const bars = names.flatMap((name, at) => [
    ...series.flatMap((one, index) => {
      const value = one.values[at];
      if (value === undefined || !isShown(value, logY)) return [];
      const [x, y] = [LEFT + room * (at + 0.1) + width * index, yScale.place(value)];
      const height = round(Math.max(1, TOP + PLOT_HEIGHT - y));
      const title = `<title>${asXml(`${name}, ${one.name}: ${short(value)}`)}</title>`;
      return [
        `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" fill="${colourOf(index)}">${title}</rect>`,
        label(x + width / 2, y - 4, short(value), 'middle', 10),
      ];
    }),
    ...wrapped(name, Math.max(6, Math.floor(room / 6.5))).map((line, row) =>
      label(LEFT + room * (at + 0.5), TOP + PLOT_HEIGHT + 18 + row * 14, line, 'middle', 11),
    ),
  ]);
  return frame(title, yLabel, [...axis(yScale), ...bars], series, 62);
}

/** A number for people: three digits and a unit, such as `12.3 k`. */
export function short(value: number): string {
  if (value === 0) return '0';
  const units = ['', ' k', ' M', ' G'];
  const power = Math.min(3, Math.max(0, Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-9)));
  return `${Number((value / 1000 ** power).toPrecision(3))}${units[power]}`;
}

function isShown(value: number, log: boolean): boolean {
  return Number.isFinite(value) && (!log || value > 0);
}

/** Maps values to pixels. `tight`: the ends are the values'; otherwise they are marks, and a linear one begins at 0. */
function scale(
  values: readonly number[],
  [from, to]: readonly [number, number],
  { log, tight }: { readonly log: boolean; readonly tight: boolean },
): Scale {
  if (values.length === 0) throw new Error('a plot has at least one value');
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const ticks = log ? logTicks(least, most) : linearTicks(tight ? least : Math.min(0, least), most);
  const [low, high] = tight ? [least, most] : [ticks[0] ?? least, ticks.at(-1) ?? most];
  const measure = log ? Math.log10 : (value: number): number => value;
  const range = measure(high) - measure(low);
  const place = (value: number): number => {
    const share = range === 0 ? 0.5 : (measure(value) - measure(low)) / range;
    return from + share * (to - from);
  };
  return { place, ticks };
}

/** Powers of ten around the values; with few of them also 2 and 5 times as much. */
function logTicks(least: number, most: number): number[] {
  const [from, to] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most) + 1e-9)];
  const steps = to - from <= 2 ? [1, 2, 5] : [1];
  const all = Array.from({ length: to - from + 1 }, (_, at) => steps.map((step) => step * 10 ** (from + at))).flat();
  const first = all.findLastIndex((tick) => tick <= least * (1 + 1e-9));
  const last = all.findIndex((tick) => tick >= most * (1 - 1e-9));
  return all.slice(Math.max(0, first), last + 1);
}

function linearTicks(least: number, most: number): number[] {
  const raw = (most - least || Math.abs(most) || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
  const first = Math.floor(least / step + 1e-9);
  const count = Math.ceil(most / step - 1e-9) - first;
  return Array.from({ length: count + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function axis(yScale: Scale): string[] {
  return yScale.ticks.flatMap((tick) => {
    const y = round(yScale.place(tick));
    return [
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#888" stroke-opacity="0.35"/>`,
      label(LEFT - 8, y + 4, short(tick), 'end'),
    ];
  });
}

function curve(points: readonly Point[], xScale: Scale, yScale: Scale, colour: string): string[] {
  const placed = points.map((point) => ({
    ...point,
    px: round(xScale.place(point.x)),
    py: round(yScale.place(point.y)),
  }));
  const line = placed.map(({ px, py }) => `${px},${py}`).join(' ');
  return [
    `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...placed.flatMap(({ px, py, y, low = y, high = y }) => [
      ...(high > low && low > 0
        ? [
            `<line x1="${px}" x2="${px}" y1="${round(yScale.place(low))}" y2="${round(yScale.place(high))}" stroke="${colour}" stroke-width="1"/>`,
          ]
        : []),
      `<circle cx="${px}" cy="${py}" r="3.5" fill="${colour}"><title>${asXml(short(y))}</title></circle>`,
    ]),
  ];
}

function frame(
  title: string,
  yLabel: string,
  body: readonly string[],
  series: readonly { readonly name: string }[],
  below: number,
): string {
  const legendTop = TOP + PLOT_HEIGHT + below;
  const height = legendTop + Math.ceil(series.length / 2) * LEGEND_LINE + 8;
  const legend = series.flatMap(({ name }, index) => {
    const [x, y] = [LEFT + (index % 2) * ((WIDTH - LEFT - RIGHT) / 2), legendTop + (index >> 1) * LEGEND_LINE];
    return [
      `<rect x="${x}" y="${round(y)}" width="12" height="12" fill="${colourOf(index)}"/>`,
      label(x + 18, y + 10, name, 'start'),
    ];
  });
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12" role="img" aria-label="${asXml(title)}">`,
    '<style>text{fill:#222}.paper{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.paper{fill:#15181c}}</style>',
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    label(LEFT, 20, title, 'start', 14),
    label(LEFT, 34, yLabel, 'start', 11),
    ...body,
    ...legend,
    '</svg>',
  ].join('\n')}\n`;
}

function label(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end', size?: number): string {
  const font = size === undefined ? '' : ` font-size="${size}"`;
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${font}>${asXml(text)}</text>`;
}

/** Lines of at most so many characters where there are spaces; three of them at most. */
function wrapped(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < most) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.slice(0, 3);
}

function colourOf(index: number): string {
  return colours[index % colours.length] as string;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function asXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
