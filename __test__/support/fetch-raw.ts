/** Fetches a partition's stored batches as they lie on the wire, by Fetch v4. */
import { RequestWriter, request, WireConnection } from './wire.ts';

const FETCH = 1;
const MAX_BYTES = 1 << 20;

/** The bytes that the broker answers for `offset`: whole batches from the one that holds it on. */
export async function fetchRaw(address: string, topic: string, partition: number, offset: number): Promise<Buffer> {
  using connection = await WireConnection.open(address);
  const body = new RequestWriter().int32(-1).int32(100).int32(1).int32(MAX_BYTES).int8(0).int32(1).string(topic);
  body.int32(1).int32(partition).int64(BigInt(offset)).int32(MAX_BYTES);
  connection.send(request(FETCH, 4, 1, body.bytes()));
  const answer = await connection.frame();
  // Correlation id, throttle time, one topic with its name, one partition with its index.
  let at = 4 + 4 + 4;
  at += 2 + answer.readInt16BE(at) + 4 + 4;
  const error = answer.readInt16BE(at);
  if (error !== 0) throw new Error(`Fetch was answered with error code ${error}`);
  // Error, high watermark, last stable offset, then the aborted transactions: none or null here.
  at += 2 + 8 + 8;
  if (answer.readInt32BE(at) > 0) throw new Error('there are aborted transactions in this partition');
  const length = answer.readInt32BE(at + 4);
  return answer.subarray(at + 8, at + 8 + length);
}

/** The codec id in the attributes of the first batch. */
export function codecOf(batches: Buffer): number {
  return batches.readInt16BE(21) & 7;
}
