/** What a reader makes of fetched batches: markers left out, and for a reader of committed data aborted records, too. */
import { fetchApi } from '../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { ask } from './ask.ts';
import { decodeBatches, type StoredRecord } from './record-batch.ts';
import type { WireConnection } from './wire.ts';

const READ_COMMITTED = 1;
const [TRANSACTIONAL, CONTROL] = [0x10, 0x20];
const HEADER_LENGTH = 61;

/** All committed values of a partition, in order, up to the last stable offset. */
export async function committedValues(wire: WireConnection, topic: string, partition: number): Promise<string[]> {
  const values: string[] = [];
  for (let fetchOffset = 0; ; ) {
    const partitions = [{ partition, fetchOffset, partitionMaxBytes: 4_000_000, currentLeaderEpoch: -1 }];
    const bounds = { maxWaitMs: 0, minBytes: 0, maxBytes: 4_000_000, sessionEpoch: -1, isolationLevel: READ_COMMITTED };
    const reply = await ask(wire, fetchApi, 11, { ...bounds, replicaId: -1, topics: [{ topic, partitions }] });
    const row = reply.responses[0]?.partitions[0];
    if (row?.errorCode !== 0) throw new Error(`fetch of ${topic}-${partition}: error ${row?.errorCode}`);
    const bytes = Buffer.from(row.records as Uint8Array);
    if (bytes.length === 0) return values;
    const { records, next } = visibleRecords(bytes, row.abortedTransactions ?? []);
    for (const { value } of records) values.push(String(value));
    fetchOffset = next;
  }
}

interface Aborted {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** What is to be seen of `bytes`, and the offset behind them; `aborted` null: by a reader of uncommitted data. */
export function visibleRecords(
  bytes: Buffer,
  aborted: readonly Aborted[] | null,
): { records: StoredRecord[]; next: number } {
  const coming = [...(aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
  const active = new Set<number>();
  const records: StoredRecord[] = [];
  let next = 0;
  for (let at = 0; at < bytes.length; ) {
    const batch = bytes.subarray(at, at + 12 + bytes.readInt32BE(at + 8));
    at += batch.length;
    const base = Number(batch.readBigInt64BE(0));
    next = base + batch.readInt32BE(23) + 1;
    const attributes = batch.readInt16BE(21);
    const producerId = Number(batch.readBigInt64BE(43));
    while (coming[0] !== undefined && coming[0].firstOffset <= base) active.add(coming.shift()?.producerId ?? -1);
    if ((attributes & CONTROL) !== 0) {
      // An abort marker, type 0, ends what is left out.
      if (batch.readInt16BE(HEADER_LENGTH + 7) === 0) active.delete(producerId);
    } else if ((attributes & TRANSACTIONAL) === 0 || !active.has(producerId)) {
      records.push(...decodeBatches(batch));
    }
  }
  return { records, next };
}
