/** Which records of a refused batch are to blame: bounds of timestamps (rule 9), keys on compacted topics (rule 11). */
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../ts/broker/protocol/error-codes.ts';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';

async function produce(harness: Harness, version: number, timestamp: number, ...values: string[]) {
  const bytes = values.map((value) => Buffer.from(value));
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: encodeBatch(bytes, { timestamp }) }] }];
  const reply = await harness.ask(produceApi, version, { acks: -1, timeoutMs: 1000, topicData });
  const row = reply.responses[0]?.partitionResponses[0];
  return { error: row?.errorCode, records: row?.recordErrors.map((one) => one.batchIndex), message: row?.errorMessage };
}

/** The simulated machine's clock: the append time that it stamps. */
async function wallMs(harness: Harness): Promise<number> {
  await harness.topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' });
  const records = encodeBatch([Buffer.from('v')]);
  const topicData = [{ name: 'stamped', partitionData: [{ index: 0, records }] }];
  const reply = await harness.ask(produceApi, 9, { acks: -1, timeoutMs: 1000, topicData });
  return reply.responses[0]?.partitionResponses[0]?.logAppendTimeMs ?? Number.NaN;
}

describe('a refused batch', () => {
  it('is one whose records are too old or too new, and says which (rule 9)', async () => {
    await using harness = openHarness();
    const bounds = { 'message.timestamp.before.max.ms': '60000', 'message.timestamp.after.max.ms': '30000' };
    await harness.topic('t', 1, bounds);
    const now = await wallMs(harness);
    expect((await produce(harness, 9, now, 'a')).error).toBe(0);
    expect((await produce(harness, 9, now + 20_000, 'a')).error).toBe(0);
    expect((await produce(harness, 9, -1, 'a')).error, 'no timestamp at all').toBe(0);
    const old = await produce(harness, 9, now - 600_000, 'a', 'b');
    expect(old).toEqual({
      error: ErrorCode.INVALID_TIMESTAMP,
      records: [0, 1],
      message: 'One or more records have been rejected due to invalid timestamp',
    });
    expect((await produce(harness, 9, now + 600_000, 'a')).error).toBe(ErrorCode.INVALID_TIMESTAMP);
  });

  it('is one without a key on a compacted topic, record by record (rule 11)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'cleanup.policy': 'compact' });
    const refused = await produce(harness, 9, Date.now(), 'a', 'b', 'c', 'd');
    expect([refused.error, refused.records]).toEqual([ErrorCode.INVALID_RECORD, [0, 1, 2, 3]]);
    expect(refused.message).toMatch(/^One or more records have been rejected due to 4 record errors in total/);
    expect(refused.message?.match(/RecordError\(/g)).toHaveLength(3);
    expect((await produce(harness, 7, Date.now(), 'a')).records, 'before version 8').toEqual([]);
  });
});
