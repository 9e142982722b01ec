/** What administrators ask of the cluster: directories, producers, ends by force, quorum, features, resources, moves. */
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../ts/broker/protocol/error-codes.ts';
import { writeTxnMarkersApi } from '../../../ts/broker/protocol/gen/27-write-txn-markers.gen.ts';
import { describeLogDirsApi } from '../../../ts/broker/protocol/gen/35-describe-log-dirs.gen.ts';
import { alterPartitionReassignmentsApi } from '../../../ts/broker/protocol/gen/45-alter-partition-reassignments.gen.ts';
import { describeQuorumApi } from '../../../ts/broker/protocol/gen/55-describe-quorum.gen.ts';
import { updateFeaturesApi } from '../../../ts/broker/protocol/gen/57-update-features.gen.ts';
import { describeProducersApi } from '../../../ts/broker/protocol/gen/61-describe-producers.gen.ts';
import { listConfigResourcesApi } from '../../../ts/broker/protocol/gen/74-list-config-resources.gen.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { ImplicitProducer } from '../support/implicit-producer.ts';
import { TransactionalProducer } from '../support/transactional-producer.ts';

async function producersOf(harness: Harness, partition = 0) {
  const reply = await harness.ask(describeProducersApi, 0, { topics: [{ name: 't', partitionIndexes: [partition] }] });
  const row = reply.topics[0]?.partitions[0];
  return { error: row?.errorCode, producers: row?.activeProducers };
}

describe('DescribeLogDirs', () => {
  it('tells the bytes of every partition in the one directory (rule 53)', async () => {
    await using harness = openHarness({ 'log.dirs': '/' });
    await harness.topic('t', 2);
    const producer = new ImplicitProducer(harness, 'x');
    await producer.init();
    await producer.produce('t', 'v', 1);
    const reply = await harness.ask(describeLogDirsApi, 4, { topics: null });
    expect(reply).toMatchObject({ errorCode: 0, results: [{ errorCode: 0, logDir: '/' }] });
    const [directory] = reply.results;
    const sizes = directory?.topics[0]?.partitions.map((row) => row.partitionSize);
    expect(sizes?.[0]).toBe(0);
    expect(sizes?.[1]).toBeGreaterThan(61);
    expect(directory?.totalBytes).toBeGreaterThan(directory?.usableBytes ?? Number.POSITIVE_INFINITY);
  });

  it('leaves out what is not there, and tells what is asked for twice once', async () => {
    await using harness = openHarness({ 'log.dirs': '/nowhere' });
    await harness.topic('t');
    const asked = [
      { topic: 't', partitions: [0, 0, 9] },
      { topic: 't', partitions: [0] },
      { topic: 'u', partitions: [0] },
    ];
    const [directory] = (await harness.ask(describeLogDirsApi, 4, { topics: asked })).results;
    expect(directory?.topics).toMatchObject([{ name: 't', partitions: [{ partitionIndex: 0 }] }]);
    expect([directory?.totalBytes, directory?.usableBytes]).toEqual([-1, -1]);
  });
});

describe('DescribeProducers and WriteTxnMarkers', () => {
  it('tell who has a transaction open since where, and end it by force', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const producer = new TransactionalProducer(harness, 'x');
    await producer.init();
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a', 'b');
    const { producerId, epoch: producerEpoch } = producer;
    const open = { producerId, producerEpoch, lastSequence: 1, currentTxnStartOffset: 0 };
    expect(await producersOf(harness)).toMatchObject({ error: 0, producers: [open] });
    expect(await producersOf(harness, 1)).toEqual({ error: 0, producers: [] });
    expect((await producersOf(harness, 7)).error).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const end = async (epoch: number) => {
      const topics = [{ name: 't', partitionIndexes: [0, 7] }];
      const marker = { producerId, producerEpoch: epoch, transactionResult: false, topics, coordinatorEpoch: 0 };
      const reply = await harness.ask(writeTxnMarkersApi, 1, { markers: [marker] });
      return reply.markers[0]?.topics[0]?.partitions.map((row) => row.errorCode);
    };
    expect(await end(producerEpoch)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
    expect(await producersOf(harness)).toMatchObject({ producers: [{ currentTxnStartOffset: -1 }] });
    expect(await end(producerEpoch + 1)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]);
    expect((await end(producerEpoch))?.[0], 'an older epoch').toBe(ErrorCode.INVALID_PRODUCER_EPOCH);
  });

  it('forget a producer that has been idle for its time, but none with an open transaction (rule 17)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const [open, ended] = [new ImplicitProducer(harness, 'open'), new ImplicitProducer(harness, 'ended')];
    for (const producer of [open, ended]) {
      await producer.init();
      await producer.produce('t', 'v', 0);
    }
    await ended.end(true);
    const { engine } = harness;
    expect(engine.expireProducers(1000, 500)).toBe(0);
    expect(engine.expireProducers(1499, 500)).toBe(0);
    expect(engine.expireProducers(1500, 500)).toBe(1);
    expect((await producersOf(harness)).producers?.map((one) => one.producerId)).toEqual([open.producerId]);
    expect(await ended.produce('t', 'v', 0)).toEqual([0]);
  });
});

describe('the cluster', () => {
  it('is a quorum of one', async () => {
    await using harness = openHarness();
    const ask = (topicName: string) =>
      harness.ask(describeQuorumApi, 2, { topics: [{ topicName, partitions: [{ partitionIndex: 0 }] }] });
    const { id } = harness.broker.context.node;
    const told = await ask('__cluster_metadata');
    expect(told).toMatchObject({ errorCode: 0, nodes: [{ nodeId: id }] });
    const row = told.topics[0]?.partitions[0];
    expect(row).toMatchObject({ errorCode: 0, leaderId: id, currentVoters: [{ replicaId: id }], observers: [] });
    expect((await ask('t')).topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
  });

  it('keeps the levels of its features: another one is refused for all of a request', async () => {
    await using harness = openHarness();
    const update = (...wanted: [feature: string, maxVersionLevel: number][]) => {
      const featureUpdates = wanted.map(([feature, maxVersionLevel]) => ({ feature, maxVersionLevel, upgradeType: 1 }));
      return harness.ask(updateFeaturesApi, 1, { featureUpdates });
    };
    const same = await update(['transaction.version', 2], ['group.version', 1]);
    expect([same.errorCode, same.results.map((row) => row.errorCode)]).toEqual([0, [0, 0]]);
    for (const bad of [['transaction.version', 1] as const, ['no.such', 1] as const]) {
      const refused = await update(['group.version', 1], [...bad]);
      expect([refused.errorCode, refused.results]).toEqual([ErrorCode.INVALID_UPDATE_VERSION, []]);
    }
  });

  it('lists what has settings by kind, and refuses kinds there are not', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const list = async (version: number, resourceTypes: number[]) => {
      const reply = await harness.ask(listConfigResourcesApi, version, { resourceTypes });
      return [reply.errorCode, reply.configResources.map((row) => `${row.resourceType} ${row.resourceName}`)];
    };
    const { id } = harness.broker.context.node;
    expect(await list(1, [2])).toEqual([0, ['2 t']]);
    expect(await list(1, [])).toEqual([0, ['2 t', `4 ${id}`, `8 ${id}`]]);
    expect(await list(0, [])).toEqual([0, []]);
    expect(await list(1, [2, 99])).toEqual([ErrorCode.UNSUPPORTED_VERSION, []]);
  });

  it('moves partitions to the node they are on, and nowhere else', async () => {
    await using harness = openHarness();
    await harness.topic('t', 4);
    const { id } = harness.broker.context.node;
    const replicas = [[id], null, [id + 1], []];
    const partitions = replicas.map((wanted, partitionIndex) => ({ partitionIndex, replicas: wanted }));
    const reply = await harness.ask(alterPartitionReassignmentsApi, 1, { topics: [{ name: 't', partitions }] });
    const { NO_REASSIGNMENT_IN_PROGRESS, INVALID_REPLICA_ASSIGNMENT } = ErrorCode;
    const errors = reply.responses[0]?.partitions.map((row) => row.errorCode);
    expect(errors).toEqual([0, NO_REASSIGNMENT_IN_PROGRESS, INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICA_ASSIGNMENT]);
  });
});
