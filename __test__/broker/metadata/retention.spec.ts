/** Retention by time: what is too old goes, and a wall clock that jumps takes nothing with it. */
import { describe, expect, it } from 'vitest';
import { Retention, steadyWall } from '../../../ts/broker/metadata/retention.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

async function startsAfter(harness: Harness, nowMs: number): Promise<number[]> {
  const { engine, catalogue } = harness.broker.context;
  new Retention(engine, () => nowMs).check();
  for (let turn = 0; turn < 5; turn++) await new Promise((done) => setTimeout(done, 2));
  await engine.flush();
  const partitions = [...catalogue.all()].flatMap((topic) => topic.partitions);
  return partitions.map((partition) => {
    let start = -1;
    engine.offsetForTime(partition, -2, 0, (_code, offset) => {
      start = offset;
    });
    return start;
  });
}

async function produce(harness: Harness, topic: string): Promise<void> {
  const topicData = [{ name: topic, partitionData: [{ index: 0, records: encodeBatch([Buffer.from('x')]) }] }];
  await harness.ask(produceApi, 9, { acks: -1, topicData });
}

describe('retention by time', () => {
  it('deletes what is older than retention.ms, and only in topics that have one', async () => {
    await using harness = openHarness();
    await harness.topic('short', 1, { 'retention.ms': '60000' });
    await harness.topic('forever', 1, { 'retention.ms': '-1' });
    await harness.topic('compacted', 1, { 'retention.ms': '60000', 'cleanup.policy': 'compact' });
    for (const topic of ['short', 'forever', 'compacted']) await produce(harness, topic);
    expect(await startsAfter(harness, Date.now() + 50_000)).toEqual([0, 0, 0]);
    expect(await startsAfter(harness, Date.now() + 70_000)).toEqual([1, 0, 0]);
  });

  it('follows the wall clock only as far as time has really passed', () => {
    let wall = 1_000_000;
    let monotonic = 50;
    const now = steadyWall(
      () => wall,
      () => monotonic,
    );
    monotonic += 10;
    wall += 10;
    expect(now()).toBe(1_000_010);
    wall += 315_360_000_000;
    expect(now()).toBe(1_000_010);
    wall = 5;
    expect(now()).toBe(5);
  });
});
