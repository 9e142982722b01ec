/** Record batches: what is written is read back, the checksum is right, and hostile bytes are refused. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadNative } from '../../ts/io/native.ts';
import { varintLength, writeVarint } from '../../ts/log/batch-layout.ts';
import { readHeader, readRecords } from '../../ts/log/batch-view.ts';
import { shortCrc32c } from '../../ts/log/crc32c.ts';
import { partitionOfKey } from '../../ts/log/partitioner.ts';
import type { RecordInput } from '../../ts/log/record.ts';
import { BatchWriter } from '../../ts/log/record-batch.ts';

const native = loadNative();

function write(records: readonly RecordInput[], codec = 0): Buffer {
  const writer = new BatchWriter(native);
  writer.begin();
  for (const record of records) writer.add(record, 1_700_000_000_000);
  return Buffer.from(writer.bytes.subarray(0, writer.finish(codec)));
}

function read(bytes: Buffer) {
  const header = readHeader(bytes, 0, bytes.length);
  if (!header) throw new Error('no whole batch');
  return [...readRecords(bytes, 0, header, 0, 0, native)];
}

const content = fc.option(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 100, unit: 'grapheme' })));
const record = fc.record({
  key: content,
  value: content,
  timestamp: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 20, unit: 'grapheme' }), content), { maxLength: 4 }),
});

const bytesOf = (given: Uint8Array | string | null): string | null =>
  given === null ? null : Buffer.from(given as string).toString('hex');

describe('record batches', () => {
  test.each([0, 1, 2, 3, 4])('any records come back as they were, with codec %i', (codec) => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const found = read(write(records, codec));
        expect(found).toHaveLength(records.length);
        for (const [index, one] of found.entries()) {
          const given = records[index];
          expect(one.offset).toBe(BigInt(index));
          expect(one.timestamp).toBe(given?.timestamp);
          expect(one.key?.toString('hex') ?? null).toBe(bytesOf(given?.key ?? null));
          expect(one.value?.toString('hex') ?? null).toBe(bytesOf(given?.value ?? null));
          const headers = one.headers.map(([name, value]) => [name, value?.toString('hex') ?? null]);
          expect(headers).toEqual(given?.headers.map(([name, value]) => [name, bytesOf(value)]));
        }
      }),
      { seed: 21, numRuns: 60 },
    );
  });

  test.each([62, 63, 64, 65, 8100, 8170, 8190, 8191, 8192, 8193])(
    'values of %i bytes come back where lengths take another byte, alone and behind many',
    (size) => {
      const value = Buffer.alloc(size, 5);
      const few = read(write([{ value: 'first' }, { value }, { value: Buffer.alloc(size + 1, 6) }]));
      expect(few.map((one) => one.value?.length)).toEqual([5, size, size + 1]);
      expect(few[1]?.value?.equals(value)).toBe(true);
      const many = read(write(Array.from({ length: size + 2 }, (_, index) => ({ value: Buffer.from([index & 255]) }))));
      expect(many.map((one) => one.offset)).toEqual(Array.from({ length: size + 2 }, (_, index) => BigInt(index)));
      expect(many.every((one, index) => one.value?.[0] === (index & 255))).toBe(true);
    },
  );

  test('a record that is refused leaves the times of the batch as they were', () => {
    const writer = new BatchWriter(native);
    writer.begin();
    writer.add({ value: 'kept', timestamp: 10 }, 0);
    const bad = { value: 'x', timestamp: 99, headers: { a: 42 as unknown as string } };
    expect(() => writer.add(bad, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
    const bytes = Buffer.from(writer.bytes.subarray(0, writer.finish()));
    expect(readHeader(bytes, 0, bytes.length)?.maxTimestamp).toBe(10);
  });

  test('a batch of another size begins where the last one ended: nothing of the old one is left', () => {
    const writer = new BatchWriter(native);
    for (const size of [10_000, 10, 1000]) {
      writer.begin();
      writer.add({ value: Buffer.alloc(size, 7) }, 5);
      const end = writer.finish();
      expect(read(Buffer.from(writer.bytes.subarray(0, end)))[0]?.value).toEqual(Buffer.alloc(size, 7));
    }
  });

  test('rewind takes back exactly what was added since mark, times included', () => {
    const writer = new BatchWriter(native);
    writer.begin();
    writer.add({ value: 'kept', timestamp: 10 }, 0);
    writer.mark();
    writer.add({ value: 'gone', timestamp: 99 }, 0);
    writer.rewind();
    const bytes = Buffer.from(writer.bytes.subarray(0, writer.finish()));
    expect(read(bytes).map((one) => String(one.value))).toEqual(['kept']);
    expect(readHeader(bytes, 0, bytes.length)?.maxTimestamp).toBe(10);
  });

  test('any damaged record section ends in a typed error or other records, never in anything else', () => {
    const good = write(
      Array.from({ length: 5 }, (_, index) => ({ key: `k${index}`, value: 'v', headers: { a: 'b' } })),
    );
    fc.assert(
      fc.property(fc.nat({ max: good.length - 62 }), fc.nat({ max: 255 }), (at, byte) => {
        const bad = Buffer.from(good);
        bad[61 + at] = byte;
        try {
          expect(read(bad).length).toBeLessThanOrEqual(5);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MILLRACE_INVALID_RECORD' });
        }
      }),
      { seed: 22, numRuns: 500 },
    );
  });
});

test('varints take the bytes they say, for any number a record holds', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), (value) => {
      const bytes = new Uint8Array(10);
      expect(writeVarint(bytes, 0, value)).toBe(varintLength(value));
    }),
    { seed: 23, numRuns: 500 },
  );
});

test('the short checksum and the addon agree, and match the published check value', () => {
  expect(shortCrc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(20), (bytes, skip) => {
      const start = Math.min(skip, bytes.length);
      expect(shortCrc32c(bytes, start, bytes.length)).toBe(native.crc32c(bytes, start, bytes.length));
    }),
    { seed: 24 },
  );
});

test('keys go where Kafka’s Java client sends them', () => {
  // From Kafka's own UtilsTest: murmur2("21") = -973932308, "foobar" = -790332482, "a-little-bit-long-string" = -985981536.
  const expected: [string, number][] = [
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ];
  for (const [key, hash] of expected) expect(partitionOfKey(key, 1009)).toBe((hash & 0x7fff_ffff) % 1009);
});
