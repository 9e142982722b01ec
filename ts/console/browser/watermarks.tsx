/**
 * The watermarks of a partition as a bar: how far it is durable, written, and only in memory.
 *
 * Not to scale from offset 0 to a million: the last thousand records are, which is where marks differ. To remember: the
 * numbers stand beside it; the bar is for seeing that something lags.
 */

import type { JSX } from 'preact';
import type { PartitionRow } from '../api.ts';
import { count } from './format.ts';

const SPAN = 1000;

export function Watermarks({ marks }: { marks: PartitionRow }): JSX.Element {
  const { logStart, durable, highWatermark, lastStable, logEnd } = marks;
  const from = Math.max(logStart, Math.min(durable, lastStable, logEnd) - SPAN);
  const span = Math.max(1, logEnd - from);
  const share = (offset: number): number => (Math.max(0, offset - from) / span) * 100;
  const label = `durable up to ${count(durable)}, written up to ${count(highWatermark)}, end ${count(logEnd)}`;
  return (
    <svg class="marks" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={label}>
      <title>{label}</title>
      <rect class="track" width="100" height="8" />
      <rect class="memory" width={share(logEnd)} height="8" />
      <rect class="written" width={share(highWatermark)} height="8" />
      <rect class="durable" width={share(durable)} height="8" />
      {lastStable < highWatermark && <rect class="stable" x={share(lastStable)} width="0.8" height="8" />}
    </svg>
  );
}
