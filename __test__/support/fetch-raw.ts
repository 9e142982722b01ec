/** Fetches a partition's stored batches as they lie on the wire, by Fetch v4. */
import { WireConnection } from './wire.ts';
import { RequestWriter } from './wire-fields.ts';

const FETCH = 1;
const MAX_BYTES = 4 << 20;

/** What Fetch answers for one partition. */
export interface Fetched {
  readonly error: number;
  readonly highWatermark: number;
  /** Whole batches from the one that holds the offset on. */
  readonly batches: Buffer;
}

/** One Fetch of one partition; `waitMs` is how long the broker may wait for the first byte. */
export async function fetchPartition(
  connection: WireConnection,
  topic: string,
  partition: number,
  offset: number,
  waitMs = 100,
): Promise<Fetched> {
  const body = new RequestWriter().int32(-1).int32(waitMs).int32(1).int32(MAX_BYTES).int8(0).int32(1).string(topic);
  body.int32(1).int32(partition).int64(BigInt(offset)).int32(MAX_BYTES);
  const answer = await connection.call(FETCH, 4, body);
  answer.int32();
  const [fetched] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      const error = answer.int16();
      const highWatermark = answer.int64();
      answer.int64();
      answer.array(() => answer.take(16));
      return { error, highWatermark, batches: answer.take(Math.max(0, answer.int32())) };
    });
  });
  if (fetched?.[0] === undefined) throw new Error('Fetch answered without the partition');
  return fetched[0];
}

/** The batches at `offset`, on a connection of its own; an error code throws. */
export async function fetchRaw(address: string, topic: string, partition: number, offset: number): Promise<Buffer> {
  using connection = await WireConnection.open(address);
  const { error, batches } = await fetchPartition(connection, topic, partition, offset);
  if (error !== 0) throw new Error(`Fetch was answered with error code ${error}`);
  return batches;
}

/** The largest codec id of the batches: a client leaves a batch uncompressed that a codec would only make longer. */
export function codecOf(batches: Buffer): number {
  let codec = 0;
  for (let at = 0; at < batches.length; at += 12 + batches.readInt32BE(at + 8)) {
    codec = Math.max(codec, batches.readInt16BE(at + 21) & 7);
  }
  return codec;
}
