/**
 * A transactional producer of KIP-890 by hand: writing and committing offsets enlist, every end gives the next epoch.
 *
 * Not a client: it retries nothing.
 */
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { initProducerIdApi } from '../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { endTxnApi } from '../../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { txnOffsetCommitApi } from '../../../ts/broker/protocol/gen/28-txn-offset-commit.gen.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import type { Harness } from './harness.ts';

export class ImplicitProducer {
  harness: Harness;
  readonly id: string;
  producerId = -1;
  epoch = -1;
  /** Next sequence by `topic/partition`; they begin anew with every epoch. */
  readonly sequences = new Map<string, number>();

  constructor(harness: Harness, id: string) {
    this.harness = harness;
    this.id = id;
  }

  /** InitProducerId v5, as a new producer; the error. */
  async init(): Promise<number> {
    const request = { transactionalId: this.id, transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 };
    const reply = await this.harness.ask(initProducerIdApi, 5, request);
    if (reply.errorCode === 0) this.#is(reply.producerId, reply.producerEpoch);
    return reply.errorCode;
  }

  /** Produce v12 of one record each to partitions of a topic, in one request; their errors. */
  async produce(topic: string, value: string, ...partitions: number[]): Promise<number[]> {
    const partitionData = partitions.map((index) => ({ index, records: this.#batch(topic, index, value) }));
    const topicData = [{ name: topic, partitionData }];
    const request = { transactionalId: this.id, acks: -1, timeoutMs: 1000, topicData };
    const reply = await this.harness.ask(produceApi, 12, request);
    const rows = reply.responses[0]?.partitionResponses ?? [];
    for (const { index, errorCode } of rows) {
      const key = `${topic}/${index}`;
      if (errorCode === 0) this.sequences.set(key, (this.sequences.get(key) ?? 0) + 1);
    }
    return rows.map((row) => row.errorCode);
  }

  /** TxnOffsetCommit v5 of one partition. */
  async commitOffset(groupId: string, topic: string, partition: number, offset: number): Promise<number> {
    const { id: transactionalId, producerId, epoch: producerEpoch } = this;
    const row = { partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' };
    const topics = [{ name: topic, partitions: [row] }];
    const request = { transactionalId, groupId, producerId, producerEpoch, generationId: -1, memberId: '', topics };
    const reply = await this.harness.ask(txnOffsetCommitApi, 5, request);
    return reply.topics[0]?.partitions[0]?.errorCode ?? -1;
  }

  /** EndTxn v5. `forgets`: the answer is lost. */
  async end(committed: boolean, forgets = false): Promise<number> {
    const { id: transactionalId, producerId, epoch: producerEpoch } = this;
    const reply = await this.harness.ask(endTxnApi, 5, { transactionalId, producerId, producerEpoch, committed });
    if (reply.errorCode === 0 && !forgets) this.#is(reply.producerId, reply.producerEpoch);
    return reply.errorCode;
  }

  #is(producerId: number, epoch: number): void {
    this.producerId = producerId;
    this.epoch = epoch;
    this.sequences.clear();
  }

  #batch(topic: string, partition: number, value: string): Buffer {
    const baseSequence = this.sequences.get(`${topic}/${partition}`) ?? 0;
    const { producerId, epoch: producerEpoch } = this;
    return encodeBatch([Buffer.from(value)], { producerId, producerEpoch, baseSequence, transactional: true });
  }
}
