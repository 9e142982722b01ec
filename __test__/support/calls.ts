/** The few Kafka requests that crash tests send by hand, each as one function: arguments in, error code and result out. */
import type { WireConnection } from './wire.ts';
import { RequestWriter } from './wire-fields.ts';

const PRODUCE = 0;
const METADATA = 3;
const OFFSET_COMMIT = 8;
const OFFSET_FETCH = 9;
const CREATE_TOPICS = 19;
const INIT_PRODUCER_ID = 22;
const TIMEOUT_MS = 10_000;

export interface Produced {
  readonly error: number;
  readonly baseOffset: number;
}

/** Produce v7 of one batch. `acks` 0 is not for here: it has no answer. */
export async function produce(
  connection: WireConnection,
  topic: string,
  partition: number,
  batch: Buffer,
  acks: 1 | -1,
): Promise<Produced> {
  const body = new RequestWriter().string(null).int16(acks).int32(TIMEOUT_MS).int32(1).string(topic).int32(1);
  body.int32(partition).int32(batch.length).raw(batch);
  const answer = await connection.call(PRODUCE, 7, body);
  const [topicAnswer] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      const produced = { error: answer.int16(), baseOffset: answer.int64() };
      answer.take(16);
      return produced;
    });
  });
  if (topicAnswer?.[0] === undefined) throw new Error('Produce answered without the partition');
  return topicAnswer[0];
}

/** CreateTopics v2. */
export async function createTopics(connection: WireConnection, topic: string, partitions: number): Promise<number> {
  const body = new RequestWriter().int32(1).string(topic).int32(partitions).int16(1).int32(0).int32(0);
  const answer = await connection.call(CREATE_TOPICS, 2, body.int32(TIMEOUT_MS).int8(0));
  answer.int32();
  const [error] = answer.array(() => {
    answer.string();
    const code = answer.int16();
    answer.string();
    return code;
  });
  if (error === undefined) throw new Error('CreateTopics answered without the topic');
  return error;
}

/** Names of all topics with their partition counts, by Metadata v1. */
export async function listTopics(connection: WireConnection): Promise<Map<string, number>> {
  const answer = await connection.call(METADATA, 1, new RequestWriter().int32(-1));
  answer.array(() => {
    answer.int32();
    answer.string();
    answer.int32();
    answer.string();
  });
  answer.int32();
  const topics = answer.array((): [string, number] => {
    answer.int16();
    const name = answer.string() ?? '';
    answer.int8();
    const partitions = answer.array(() => {
      answer.take(2 + 4 + 4);
      answer.array(() => answer.int32());
      answer.array(() => answer.int32());
    });
    return [name, partitions.length];
  });
  return new Map(topics);
}

/** InitProducerId v0 for an idempotent producer. */
export async function initProducerId(
  connection: WireConnection,
): Promise<{ producerId: number; producerEpoch: number }> {
  const answer = await connection.call(INIT_PRODUCER_ID, 0, new RequestWriter().string(null).int32(TIMEOUT_MS));
  answer.int32();
  const error = answer.int16();
  if (error !== 0) throw new Error(`InitProducerId was answered with error code ${error}`);
  return { producerId: answer.int64(), producerEpoch: answer.int16() };
}

/** OffsetCommit v2 from outside any generation. */
export async function commitOffset(
  connection: WireConnection,
  group: string,
  topic: string,
  partition: number,
  offset: number,
): Promise<number> {
  const body = new RequestWriter().string(group).int32(-1).string('').int64(-1n).int32(1).string(topic);
  body.int32(1).int32(partition).int64(BigInt(offset)).string('');
  const answer = await connection.call(OFFSET_COMMIT, 2, body);
  const [codes] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      return answer.int16();
    });
  });
  if (codes?.[0] === undefined) throw new Error('OffsetCommit answered without the partition');
  return codes[0];
}

/** OffsetFetch v1: the committed offset, -1 when there is none. */
export async function fetchOffset(
  connection: WireConnection,
  group: string,
  topic: string,
  partition: number,
): Promise<number> {
  const body = new RequestWriter().string(group).int32(1).string(topic).int32(1).int32(partition);
  const answer = await connection.call(OFFSET_FETCH, 1, body);
  const [offsets] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      const offset = answer.int64();
      answer.string();
      const error = answer.int16();
      if (error !== 0) throw new Error(`OffsetFetch was answered with error code ${error}`);
      return offset;
    });
  });
  if (offsets?.[0] === undefined) throw new Error('OffsetFetch answered without the partition');
  return offsets[0];
}
