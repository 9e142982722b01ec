/** What a request costs in crossings (DESIGN section 5), counted by the addon; the socket's own callbacks are Node's. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { offsetFetchApi } from '../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { joinGroupApi } from '../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { encodeBatch } from '../support/record-batch.ts';
import { type Harness, openHarness } from './support/harness.ts';

const records = encodeBatch([Buffer.from('value')]);
const produce = (partition: number) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name: 't', partitionData: [{ index: partition, records }] }],
});

/** Waits until the engine's background work has come to rest. */
async function quiet(harness: Harness): Promise<void> {
  for (let before = -1; ; ) {
    const now = harness.engine.counters().enters ?? 0;
    if (now === before) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function crossings(harness: Harness, work: () => Promise<unknown>) {
  await quiet(harness);
  const before = harness.engine.counters();
  await work();
  const after = harness.engine.counters();
  const grown = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  return { calls: grown('callsIn'), callbacks: grown('callbacksOut'), commits: grown('commits') };
}

describe('crossings', () => {
  it('of one idle produce: one call, one callback, one commit', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const spent = await crossings(harness, () => harness.ask(produceApi, 9, produce(0)));
    expect(spent).toEqual({ calls: 1, callbacks: 1, commits: 1 });
  });

  it('of a thousand produces to twenty partitions in one turn: three calls, for a commit that begins early and one for the rest', async () => {
    await using harness = openHarness();
    await harness.topic('t', 20);
    const spent = await crossings(harness, () =>
      Promise.all(Array.from({ length: 1000 }, (_, index) => harness.ask(produceApi, 9, produce(index % 20)))),
    );
    expect(spent).toEqual({ calls: 3, callbacks: 2, commits: 2 });
  });

  it('of a fetch of present data from ten partitions: one question, no callback', async () => {
    await using harness = openHarness();
    await harness.topic('t', 10);
    await Promise.all(Array.from({ length: 10 }, (_, index) => harness.ask(produceApi, 9, produce(index))));
    const partitions = Array.from({ length: 10 }, (_, partition) => ({
      partition,
      fetchOffset: 0,
      partitionMaxBytes: 100_000,
      currentLeaderEpoch: -1,
    }));
    const request = { maxBytes: 1_000_000, minBytes: 1, maxWaitMs: 1000, topics: [{ topic: 't', partitions }] };
    const spent = await crossings(harness, async () => {
      const reply = await harness.ask(fetchApi, 11, request);
      expect(reply.responses[0]?.partitions.every((row) => (row.records as Uint8Array).length > 0)).toBe(true);
    });
    expect(spent).toEqual({ calls: 1, callbacks: 0, commits: 0 });
  });

  it('of metadata, join, heartbeat and offset fetch: none', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const protocols = [{ name: 'range', metadata: new Uint8Array(4) }];
    const join = { groupId: 'g', sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols };
    const spent = await crossings(harness, async () => {
      await harness.ask(metadataApi, 9, { topics: [{ name: 't' }] });
      const { memberId } = await harness.ask(joinGroupApi, 3, join);
      await harness.ask(heartbeatApi, 3, { groupId: 'g', generationId: 1, memberId });
      await harness.ask(offsetFetchApi, 7, { groupId: 'g', topics: null });
    });
    expect(spent).toEqual({ calls: 0, callbacks: 0, commits: 0 });
  });
});
