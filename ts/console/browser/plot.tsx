/**
 * A plot over time of a few series that share an axis.
 *
 * Not the numbers (samples.ts). To remember: it is one uPlot for as long as it is shown; new data is handed over, and only
 * other colours or another width make it draw anew. A table beside it says the newest values to who cannot see it.
 */

import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { moment } from './format.ts';
import { themeListeners } from './theme.ts';

export interface Series {
  readonly label: string;
  /** Name of a colour in the style sheet. */
  readonly colour: 'a' | 'b' | 'c' | 'd';
  readonly values: readonly (number | null)[];
  readonly fill?: boolean;
}

interface PlotProps {
  readonly title: string;
  readonly note?: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number | null) => string;
}

const HEIGHT = 168;

export function Plot({ title, note, times, series, format }: PlotProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef({ times, series });
  latest.current = { times, series };
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = make(box, latest.current.series, format);
      plot.current.setData(dataOf(latest.current.times, latest.current.series));
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: box.clientWidth, height: HEIGHT }));
    resized.observe(box);
    themeListeners.add(draw);
    return () => {
      resized.disconnect();
      themeListeners.delete(draw);
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(times, series)), [times, series]);
  return (
    <figure class="card plot">
      <figcaption>
        <h3>{title}</h3>
        <dl>
          {series.map(({ label, colour, values }) => (
            <div key={label}>
              <dt>
                <i class={`key ${colour}`} />
                {label}
              </dt>
              <dd>{format(values.at(-1) ?? null)}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
      <div ref={place} class="canvas" role="img" aria-label={`${title}, the last ten minutes`} />
      {note !== undefined && <p class="dim">{note}</p>}
    </figure>
  );
}

function dataOf(times: readonly number[], series: readonly Series[]): uPlot.AlignedData {
  return [[...times], ...series.map(({ values }) => [...values])] as uPlot.AlignedData;
}

/** Hours, minutes and seconds of a moment in seconds since 1970. */
function clock(seconds: number): string {
  return moment(seconds * 1000).slice(11, 19);
}

/** A colour as the browser computes it, `rgb(r, g, b)`, to be seen through. */
function faint(colour: string): string {
  return colour.replace('rgb(', 'rgba(').replace(')', ', 0.13)');
}

function make(box: HTMLElement, series: readonly Series[], format: PlotProps['format']): uPlot {
  const colour = (name: string): string => {
    // The sheet names a colour for light and dark: only an element of the page knows which of them it is.
    box.style.color = `var(--${name})`;
    const { color } = getComputedStyle(box);
    box.style.color = '';
    return color;
  };
  const axis = {
    stroke: colour('dim'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: false, y: false } },
      padding: [8, 8, 0, 0],
      scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, size: 26, space: 80, values: (_plot, splits) => splits.map(clock) },
        { ...axis, size: 64, space: 36, values: (_plot, splits) => splits.map((value) => format(value)) },
      ],
      series: [
        {},
        ...series.map(({ label, colour: name, fill }) => ({
          label,
          stroke: colour(`series-${name}`),
          width: 1.5,
          points: { show: false },
          spanGaps: true,
          ...(fill === true ? { fill: faint(colour(`series-${name}`)) } : {}),
        })),
      ],
    },
    [[]],
    box,
  );
}
