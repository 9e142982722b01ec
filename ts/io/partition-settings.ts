/**
 * Settings of partitions as the numbers that cross the boundary.
 *
 * Not their meaning and no default. To remember: what is left out crosses as "not set".
 */

import { flushNumbers } from '../durability.ts';
import type { PartitionSettings } from '../log/types.ts';
import { PARTITION_SETTINGS, PartitionSetting } from './native-types.ts';

/** The doubles of `NativeEngine.configure`. */
export function settingNumbers(settings: PartitionSettings): Float64Array {
  const numbers = new Float64Array(PARTITION_SETTINGS);
  numbers[PartitionSetting.retentionMs] = settings.retentionMs ?? -1;
  numbers[PartitionSetting.retentionBytes] = settings.retentionBytes ?? -1;
  numbers[PartitionSetting.segmentBytes] = settings.segmentBytes ?? -1;
  numbers[PartitionSetting.segmentMs] = settings.segmentMs ?? -1;
  numbers[PartitionSetting.timestampBeforeMs] = settings.timestampBeforeMs ?? -1;
  numbers[PartitionSetting.timestampAfterMs] = settings.timestampAfterMs ?? -1;
  if (settings.compact !== undefined) {
    const { dirtyRatio, deleteRetentionMs, lagMinMs, lagMaxMs } = settings.compact;
    numbers[PartitionSetting.compact] = 1;
    numbers[PartitionSetting.dirtyRatio] = dirtyRatio;
    numbers[PartitionSetting.deleteRetentionMs] = deleteRetentionMs;
    numbers[PartitionSetting.compactionLagMinMs] = lagMinMs;
    numbers[PartitionSetting.compactionLagMaxMs] = lagMaxMs ?? -1;
  }
  if (settings.flush !== undefined) {
    const { always, records, bytes, intervalMs } = flushNumbers(settings.flush);
    numbers[PartitionSetting.ownFlush] = 1;
    numbers[PartitionSetting.flushAlways] = always ? 1 : 0;
    numbers[PartitionSetting.flushRecords] = records;
    numbers[PartitionSetting.flushBytes] = bytes;
    numbers[PartitionSetting.flushIntervalMs] = intervalMs;
  }
  return numbers;
}
