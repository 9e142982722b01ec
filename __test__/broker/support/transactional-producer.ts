/**
 * A transactional producer by hand: one request a call, errors as numbers.
 *
 * Not a client: it retries nothing and keeps no more than its id, epoch and next sequence for each partition.
 */
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { initProducerIdApi } from '../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { addPartitionsToTxnApi } from '../../../ts/broker/protocol/gen/24-add-partitions-to-txn.gen.ts';
import { addOffsetsToTxnApi } from '../../../ts/broker/protocol/gen/25-add-offsets-to-txn.gen.ts';
import { endTxnApi } from '../../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { txnOffsetCommitApi } from '../../../ts/broker/protocol/gen/28-txn-offset-commit.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import type { Harness } from './harness.ts';

export class TransactionalProducer {
  harness: Harness;
  readonly id: string;
  producerId = -1;
  epoch = -1;
  readonly #sequences = new Map<string, number>();

  constructor(harness: Harness, id: string) {
    this.harness = harness;
    this.id = id;
  }

  /** InitProducerId v4, as a new producer. */
  async init(timeoutMs = 60_000): Promise<number> {
    const request = { transactionalId: this.id, transactionTimeoutMs: timeoutMs, producerId: -1, producerEpoch: -1 };
    const reply = await this.harness.ask(initProducerIdApi, 4, request);
    if (reply.errorCode === 0) {
      this.producerId = reply.producerId;
      this.epoch = reply.producerEpoch;
      this.#sequences.clear();
    }
    return reply.errorCode;
  }

  /** AddPartitionsToTxn v3; the error of the first partition. */
  async add(topic: string, ...partitions: number[]): Promise<number> {
    const reply = await this.harness.ask(addPartitionsToTxnApi, 3, {
      v3AndBelowTransactionalId: this.id,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.epoch,
      v3AndBelowTopics: [{ name: topic, partitions }],
    });
    return reply.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode ?? -1;
  }

  /** Produce v11 of one batch. */
  async produce(topic: string, partition: number, ...values: string[]): Promise<number> {
    const key = `${topic}/${partition}`;
    const baseSequence = this.#sequences.get(key) ?? 0;
    const { producerId, epoch: producerEpoch, id: transactionalId } = this;
    const fields = { producerId, producerEpoch, baseSequence, transactional: true };
    const bytes = values.map((value) => Buffer.from(value));
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: encodeBatch(bytes, fields) }] }];
    const reply = await this.harness.ask(produceApi, 11, { transactionalId, acks: -1, timeoutMs: 1000, topicData });
    const error = reply.responses[0]?.partitionResponses[0]?.errorCode ?? -1;
    if (error === 0) this.#sequences.set(key, baseSequence + values.length);
    return error;
  }

  /** AddOffsetsToTxn v3. */
  async addGroup(groupId: string): Promise<number> {
    const { id: transactionalId, producerId, epoch: producerEpoch } = this;
    const request = { transactionalId, producerId, producerEpoch, groupId };
    return (await this.harness.ask(addOffsetsToTxnApi, 3, request)).errorCode;
  }

  /** TxnOffsetCommit v2, of one partition, by nobody of the group. */
  async commitOffset(groupId: string, topic: string, partition: number, offset: number): Promise<number> {
    const { id: transactionalId, producerId, epoch: producerEpoch } = this;
    const row = { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' };
    const topics = [{ name: topic, partitions: [row] }];
    const request = { transactionalId, groupId, producerId, producerEpoch, topics };
    const reply = await this.harness.ask(txnOffsetCommitApi, 2, request);
    return reply.topics[0]?.partitions[0]?.errorCode ?? -1;
  }

  /** EndTxn v3. */
  async end(committed: boolean): Promise<number> {
    const { id: transactionalId, producerId, epoch: producerEpoch } = this;
    const request = { transactionalId, producerId, producerEpoch, committed };
    return (await this.harness.ask(endTxnApi, 3, request)).errorCode;
  }
}
