/** What a topic's settings mean for its partitions in the engine. */
import { describe, expect, it } from 'vitest';
import { BrokerSettings } from '../../../ts/broker/settings.ts';
import type { Topic } from '../../../ts/log/catalogue.ts';
import type { PartitionSettings } from '../../../ts/log/types.ts';

function settingsOf(config: Record<string, string>, broker: Record<string, string> = {}): PartitionSettings {
  const topic: Topic = { name: 't', id: '1', partitions: [1], config: new Map(Object.entries(config)), createdMs: 0 };
  return new BrokerSettings(broker).limitsOf(topic).partitions;
}

describe('settings of partitions', () => {
  it('keep a week by default, without a limit in bytes, flushed as the server is', () => {
    expect(settingsOf({})).toEqual({ retentionMs: 604_800_000, segmentMs: 604_800_000 });
  });

  it('delete by age and size only where the cleanup policy says so', () => {
    const limits = { 'retention.ms': '5', 'retention.bytes': '7', 'segment.ms': '9' };
    expect(settingsOf(limits)).toEqual({ retentionMs: 5, retentionBytes: 7, segmentMs: 9 });
    expect(settingsOf({ ...limits, 'cleanup.policy': 'compact' })).toMatchObject({ segmentMs: 9 });
    expect(settingsOf({ ...limits, 'cleanup.policy': 'compact' })).not.toHaveProperty('retentionMs');
    expect(settingsOf({ ...limits, 'cleanup.policy': 'compact,delete' }).retentionBytes).toBe(7);
    expect(settingsOf({ 'retention.ms': '-1' }, { 'log.retention.bytes': '3' }).retentionBytes).toBe(3);
    expect(settingsOf({ 'retention.ms': '-1' }).retentionMs).toBeUndefined();
  });

  it('are compacted as the topic says, or the server for all of them', () => {
    const byDefault = { dirtyRatio: 0.5, deleteRetentionMs: 86_400_000, lagMinMs: 0 };
    expect(settingsOf({})).not.toHaveProperty('compact');
    expect(settingsOf({ 'cleanup.policy': 'compact' }).compact).toEqual(byDefault);
    expect(settingsOf({ 'cleanup.policy': 'compact,delete' }).compact).toEqual(byDefault);
    expect(settingsOf({}, { 'log.cleanup.policy': 'compact' }).compact).toEqual(byDefault);
    const own = { 'cleanup.policy': 'compact', 'delete.retention.ms': '7', 'max.compaction.lag.ms': '9' };
    const server = { 'log.cleaner.min.cleanable.ratio': '0.1', 'log.cleaner.min.compaction.lag.ms': '3' };
    const compact = { dirtyRatio: 0.1, deleteRetentionMs: 7, lagMinMs: 3, lagMaxMs: 9 };
    expect(settingsOf(own, server).compact).toEqual(compact);
  });

  it('flush by a policy of their own when the topic was given one', () => {
    const never = '9223372036854775807';
    expect(settingsOf({ 'flush.messages': '10' }).flush).toEqual({ records: 10 });
    expect(settingsOf({ 'flush.ms': '250' }).flush).toEqual({ intervalMs: 250 });
    expect(settingsOf({ 'flush.messages': '10', 'flush.ms': '250' }).flush).toEqual({ records: 10, intervalMs: 250 });
    expect(settingsOf({ 'flush.messages': '1' }).flush).toBe('always');
    expect(settingsOf({ 'flush.ms': '0' }).flush).toBe('always');
    expect(settingsOf({ 'flush.messages': never }).flush).toBe('os');
    expect(settingsOf({}, { 'log.flush.interval.messages': '10' }).flush).toBeUndefined();
  });
});
