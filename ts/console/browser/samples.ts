/**
 * The server's last ten minutes, second by second, kept up to date for plots.
 *
 * To remember: samples are appended in place of the oldest, and what plots get is new arrays each time.
 */

import { useEffect, useState } from 'preact/hooks';
import type { Sample } from '../api.ts';
import { apiUrl, follow } from './load.ts';

const KEPT = 600;

export function useSamples(): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    return follow(apiUrl('live'), {
      samples: (data) => setSamples(data as Sample[]),
      sample: (data) => setSamples((before) => [...before.slice(1 - KEPT), data as Sample]),
    });
  }, []);
  return samples;
}

/** Times for a plot, in seconds. */
export function timesOf(samples: readonly Sample[]): number[] {
  return samples.map(({ timeMs }) => timeMs / 1000);
}

/** The newest value that there is. */
export function newest(samples: readonly Sample[], of: (sample: Sample) => number | null): number | null {
  for (let index = samples.length - 1; index >= 0; index -= 1) {
    const value = of(samples[index] as Sample);
    if (value !== null) return value;
  }
  return null;
}
