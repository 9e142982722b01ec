/** Promises of `millrace/kafka`: its batches, keys, codes and table of APIs are Kafka's own. kafka.txt is what Java says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Compression,
  compress,
  decodeBatches,
  decompress,
  encodeBatch,
  type KafkaBatch,
  kafkaError,
  kafkaErrors,
  murmur2,
  partitionOfKey,
  servedApis,
} from '../../ts/kafka/index.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';
import { openHarness } from '../broker/support/harness.ts';

const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const golden = readFileSync(join(import.meta.dirname, 'golden/kafka.txt'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => line.split(' '));
const goldenOf = (kind: string) => golden.filter(([first]) => first === kind).map(([, ...rest]) => rest);
const goldenBatch = (codec: string) => {
  return Buffer.from(goldenOf('batch').find(([name]) => name === codec)?.[1] ?? '', 'hex');
};

const one = (bytes: Uint8Array): KafkaBatch => {
  const [batch] = decodeBatches(bytes);
  if (batch === undefined) throw new Error('no whole batch');
  return batch;
};
const plain = (batch: KafkaBatch) => {
  return [...batch.records()].map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: key === null ? null : String(key),
    value: value === null ? null : String(value),
    headers: headers.map(([name, content]) => [name, content === null ? null : String(content)]),
  }));
};

/** What Golden.java put into each batch. */
const records = [
  {
    key: 'k',
    value: 'one'.repeat(40),
    headers: [['h', '1'] as const, ['h', null] as const],
    timestamp: 1_700_000_000_000,
  },
  { value: 'two', timestamp: 1_700_000_000_005 },
  { key: '', value: null, timestamp: 1_699_999_999_999 },
];
const producer = { id: 42n, epoch: 3, baseSequence: 11 };

describe('a batch', () => {
  it.each(codecs)("of Java's client is read, with codec %s", (codec) => {
    const batch = one(goldenBatch(codec));
    expect(batch).toMatchObject({ count: 3, compression: codec, leaderEpoch: 5, baseOffset: 7n, lastOffset: 9n });
    expect(batch).toMatchObject({ isControl: false, timestampType: 'create', maxTimestamp: 1_700_000_000_005 });
    expect(batch.producer).toEqual({ ...producer, transactional: false });
    expect(plain(batch)).toEqual(
      records.map(({ key = null, value, headers = [], timestamp }, index) => {
        return { offset: BigInt(7 + index), timestamp, key, value, headers };
      }),
    );
  });

  it("is made byte for byte as Java's client makes it, but for the leader's epoch", () => {
    const theirs = goldenBatch('none');
    theirs.writeInt32BE(-1, 12);
    expect(encodeBatch(records, { baseOffset: 7, producer })).toEqual(theirs);
  });

  it.each(codecs)('is stored as it is and read back, with codec %s', async (compression) => {
    using disk = new SimulatedDisk(1);
    const log = await disk.openLog();
    const topic = await log.topic('t', { partitions: 1 });
    await topic.append({ value: 'before' });
    const made = encodeBatch(records, { compression });
    expect(await topic.appendBatch(made)).toMatchObject({ baseOffset: 1n, count: 3 });
    const stored: Buffer[] = [];
    for await (const { bytes } of topic.read({ from: { offset: 1n }, follow: false })) stored.push(bytes);
    await log.close();
    const batch = one(Buffer.concat(stored));
    expect(batch.bytes.subarray(21)).toEqual(made.subarray(21));
    expect(plain(batch).map(({ offset, value }) => [offset, value])).toEqual(
      records.map(({ value }, index) => [BigInt(1 + index), value]),
    );
  });

  it('says who sent it, and that it belongs to a transaction', () => {
    const largest = { id: 2n ** 63n - 1n, epoch: 32_767, baseSequence: 2 ** 31 - 1, transactional: true };
    expect(one(encodeBatch([{ value: 'v' }], { producer: largest })).producer).toEqual(largest);
    expect(one(encodeBatch([{ value: 'v' }])).producer).toBeUndefined();
  });

  it('is refused without records, and for what its fields cannot hold', () => {
    const refused: readonly (readonly [Parameters<typeof encodeBatch>[0], Parameters<typeof encodeBatch>[1]])[] = [
      [[], {}],
      [[{ value: 7 as unknown as string }], {}],
      [[{ value: 'v' }], { baseOffset: -1 }],
      [[{ value: 'v' }], { baseOffset: 0.5 }],
      [[{ value: 'v' }], { timestamp: Number.NaN }],
      [[{ value: 'v' }], { level: 1.5 }],
      [[{ value: 'v' }], { producer: { ...producer, epoch: 32_768 } }],
      [[{ value: 'v' }], { producer: { ...producer, id: -1n } }],
    ];
    for (const [given, options] of refused) {
      expect(() => encodeBatch(given, options)).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
    }
    const unknown = { compression: 'brotli' as Compression };
    expect(() => encodeBatch([{ value: 'v' }], unknown)).toThrow(
      expect.objectContaining({ code: 'MILLRACE_COMPRESSION' }),
    );
  });

  it('is found among others, and one that is cut off is left out', () => {
    const all = Buffer.concat(codecs.map(goldenBatch));
    expect([...decodeBatches(all)].map(({ compression }) => compression)).toEqual(codecs);
    expect([...decodeBatches(all.subarray(0, -1))]).toHaveLength(4);
    expect([...decodeBatches(Buffer.alloc(0))]).toEqual([]);
    expect([...one(all).records()][0]?.partition).toBe(0);
    const [placed] = decodeBatches(all, { partition: 5 });
    expect([...(placed?.records() ?? [])][0]?.partition).toBe(5);
  });

  it('with a wrong checksum, of an older magic or with a length that cannot be is refused', () => {
    const spoil = (at: number, value: number) => {
      const bytes = Buffer.from(goldenBatch('none'));
      bytes.writeInt8(value, at);
      return bytes;
    };
    const invalid = expect.objectContaining({ code: 'MILLRACE_INVALID_RECORD' });
    expect(() => one(spoil(100, 0x55))).toThrow(invalid);
    expect(() => one(spoil(16, 1))).toThrow(/magic 1/);
    expect(() => one(spoil(8, -1))).toThrow(invalid);
    expect([...decodeBatches(spoil(100, 0x55), { verify: false })]).toHaveLength(1);
  });

  it('of hostile bytes gives an error of ours or nothing, and no more memory than it holds', () => {
    const seeds = codecs.map(goldenBatch);
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.nat(300), fc.nat(255), fc.nat(400), (seed, at, byte, cut) => {
        const bytes = Buffer.from(seed.subarray(0, Math.max(1, seed.length - cut)));
        bytes[at % bytes.length] = byte;
        try {
          for (const batch of decodeBatches(bytes, { verify: false })) for (const _ of batch.records());
        } catch (error) {
          expect((error as { code: string }).code).toMatch(/^MILLRACE_(INVALID_RECORD|COMPRESSION|TOO_LARGE)$/);
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});

describe('compression', () => {
  it.each(codecs)('gives back what went in, with codec %s', (codec) => {
    const bytes = Buffer.from('all work and no play '.repeat(500));
    const packed = compress(codec, bytes);
    expect(decompress(codec, packed)).toEqual(bytes);
    if (codec !== 'none') expect(packed.length).toBeLessThan(bytes.length / 2);
    const tooLarge = expect.objectContaining({ code: 'MILLRACE_TOO_LARGE' });
    expect(() => decompress(codec, packed, { maxBytes: 100 })).toThrow(tooLarge);
  });

  it('refuses what is none, a level there is not, and a limit that is no number', () => {
    expect(() => decompress('gzip', Buffer.from('no gzip'))).toThrow(
      expect.objectContaining({ code: 'MILLRACE_COMPRESSION' }),
    );
    expect(() => compress('gzip', Buffer.from('x'), { level: 22 })).toThrow(
      expect.objectContaining({ name: 'MillraceError' }),
    );
    expect(() => decompress('gzip', Buffer.from('x'), { maxBytes: -1 })).toThrow(
      expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }),
    );
  });
});

describe("Kafka's terms", () => {
  it("have the hash and the partition of a key of Java's client", () => {
    expect(goldenOf('key').length).toBeGreaterThan(5);
    for (const [key = '', hash, partition] of goldenOf('key')) {
      const bytes = Buffer.from(key, 'hex');
      expect([murmur2(bytes), partitionOfKey(bytes, 12)]).toEqual([Number(hash), Number(partition)]);
      expect(partitionOfKey(bytes.toString(), 12)).toBe(Number(partition));
    }
  });

  it("have every error of Kafka 4.3 with its number and name, and retriable where Java's client takes it for that", () => {
    const theirs = goldenOf('error').map(([code, name, retriable]) => {
      return { code: Number(code), name, retriable: retriable === 'true' };
    });
    expect(kafkaErrors).toEqual(theirs.sort((left, right) => left.code - right.code));
    expect(kafkaError(6)).toEqual({ code: 6, name: 'NOT_LEADER_OR_FOLLOWER', retriable: true });
    expect(kafkaError(4711)).toBeUndefined();
  });

  it('have exactly the APIs and versions that a server serves', async () => {
    await using harness = openHarness();
    const { table } = harness.broker;
    const served = table.ranges().map(({ apiKey: key }) => {
      const { minVersion, maxVersion, api } = table.lookup(key) ?? {};
      return { key, name: api?.name, minVersion, maxVersion };
    });
    expect(servedApis).toEqual(served);
  });
});
