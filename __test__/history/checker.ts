/** All anomalies of a history. The checks are in the files beside; none needs to know how the history came about. */
import type { Anomaly } from './anomaly.ts';
import { cycles } from './cycles.ts';
import type { Operation } from './history.ts';
import { LogView } from './log-view.ts';
import { wrongPolls, wrongPositions, wrongSends } from './order-checks.ts';
import { intermediateReads, missingValues, wrongPlaces, wrongReads } from './value-checks.ts';

const CHECKS = [
  wrongReads,
  wrongPlaces,
  missingValues,
  intermediateReads,
  wrongPolls,
  wrongSends,
  wrongPositions,
  cycles,
] as const;

export function anomaliesOf(operations: readonly Operation[]): Anomaly[] {
  const log = new LogView(operations);
  return CHECKS.flatMap((check) => [...check(log)]);
}
