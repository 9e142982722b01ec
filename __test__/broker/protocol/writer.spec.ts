/** The promises of the writer beyond plain bytes: gaps, tags, growth, and refusal of what the wire cannot hold. */

import { expect, test } from 'vitest';
import { type FetchResponse, fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { ProtocolError } from '../../../ts/broker/protocol/protocol-error.ts';
import { Reader } from '../../../ts/broker/protocol/reader.ts';
import { LeasedRecords, type Records, Writer } from '../../../ts/broker/protocol/writer.ts';

function fetchResponse(records: Records): FetchResponse {
  const partition = { partitionIndex: 0, errorCode: 0, highWatermark: 9, abortedTransactions: null, records };
  return {
    throttleTimeMs: 0,
    responses: [{ topic: 'a', partitions: [partition, { ...partition, partitionIndex: 1 }] }],
  };
}

test('a fetch response whose leased records are copied later is the same as one encoded with the bytes', () => {
  for (let version = fetchApi.minVersion; version <= fetchApi.maxVersion; version += 1) {
    const records = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    const direct = new Writer(16);
    fetchApi.encodeResponse(direct, version, fetchResponse(records));
    const gapped = new Writer(16);
    const leased = encodeLeased(gapped, version);
    for (const { position } of leased) gapped.buffer.set(records, position);
    expect(gapped.bytes().equals(direct.bytes())).toBe(true);
  }
});

test('a fetch response that leaves leased records out is whole with the bytes put in between', () => {
  for (let version = fetchApi.minVersion; version <= fetchApi.maxVersion; version += 1) {
    const records = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
    const direct = new Writer(16);
    fetchApi.encodeResponse(direct, version, fetchResponse(records));
    const short = new Writer(16, true);
    const leased = encodeLeased(short, version);
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { position } of leased) {
      pieces.push(short.bytes().subarray(from, position), records);
      from = position;
    }
    pieces.push(short.bytes().subarray(from));
    expect(Buffer.concat(pieces).equals(direct.bytes())).toBe(true);
  }
});

/** Encodes two partitions with 1,000 leased bytes each. */
function encodeLeased(writer: Writer, version: number): LeasedRecords[] {
  const message = fetchResponse(null);
  const leased = [new LeasedRecords(1, 1000), new LeasedRecords(2, 1000)];
  message.responses[0]?.partitions.forEach((partition, i) => {
    partition.records = leased[i] as LeasedRecords;
  });
  fetchApi.encodeResponse(writer, version, message);
  return leased;
}

test('a writer with the exact capacity never moves its buffer', () => {
  const writer = new Writer(12);
  const before = writer.buffer;
  writer.int64(5);
  writer.int32(1);
  expect(writer.buffer).toBe(before);
  writer.int8(1);
  expect(writer.buffer).not.toBe(before);
});

test.each([0, 1, 126, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])(
  'a tagged field of %i bytes says its size',
  (size) => {
    const writer = new Writer(8);
    const mark = writer.beginTag(3);
    writer.raw(Buffer.alloc(size, 0x77));
    writer.endTag(mark);
    writer.int8(9);
    const reader = new Reader(writer.bytes());
    expect(reader.varuint()).toBe(3);
    const end = reader.tagEnd();
    expect(end - reader.position).toBe(size);
    expect(reader.bytes.subarray(reader.position, end).every((byte) => byte === 0x77)).toBe(true);
    reader.position = end;
    expect(reader.int8()).toBe(9);
  },
);

test('values that the wire cannot hold are refused', () => {
  const writer = new Writer();
  expect(() => writer.int64(2 ** 53)).toThrow(ProtocolError);
  expect(() => writer.int64(1.5)).toThrow(ProtocolError);
  expect(() => writer.bigint64(2n ** 63n)).toThrow(ProtocolError);
  expect(() => writer.uuid('no')).toThrow(ProtocolError);
  expect(() => writer.uuid('G'.repeat(32))).toThrow(ProtocolError);
  expect(() => writer.string(false, 'x'.repeat(32_768))).toThrow(ProtocolError);
});

test('a request field that its version cannot carry is refused, not dropped', () => {
  const writer = new Writer();
  expect(() => fetchApi.encodeRequest(writer, 15, { replicaId: 7 })).toThrow('replicaId cannot be sent in version 15');
  expect(() => fetchApi.encodeRequest(writer, 6, { forgottenTopicsData: [{ topic: 'a' }] })).toThrow(ProtocolError);
});
