/**
 * Hostile bytes on the Kafka port of a real server process (inputs 1-7, 10 and 14): the connection that sends them
 * suffers, a polite neighbour does not notice, and memory stays where it was.
 *
 * To remember: hostile-bytes-ring.spec.ts and hostile-bytes-node.spec.ts run the same over either kind of sockets.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTopics, produce } from '../../support/calls.ts';
import { fetchPartition } from '../../support/fetch-raw.ts';
import { Neighbour } from '../../support/neighbour.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { scratch } from '../../support/scratch.ts';
import { type Server, startServer } from '../../support/server.ts';
import { request, WireConnection } from '../../support/wire.ts';
import { RequestWriter } from '../../support/wire-fields.ts';
import { impossibleCounts, impossibleVarints, requestsWithArrays } from './hostile-counts.ts';

const MIB = 1 << 20;
const CLOSED_WITHIN_MS = 2_000;
const GROWTH_MAX = 64 * MIB;
const CORRUPT_MESSAGE = 2;
const UNSUPPORTED_FOR_MESSAGE_FORMAT = 43;
const INVALID_RECORD = 87;

/** Declares the suite over one kind of sockets. */
export function hostileBytes(sockets: 'ring' | 'node'): void {
  const directory = scratch('hostile');
  let server: Server;
  let neighbour: Neighbour;
  let residentBefore = 0;

  beforeAll(async () => {
    server = await startServer({ directory: join(directory.path, 'data'), sockets });
    neighbour = await Neighbour.begin(server.address, 'polite');
    // What a working server needs at first use is not growth.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    residentBefore = server.residentBytes();
  });

  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  async function isClosedAfter(bytes: Uint8Array): Promise<void> {
    using connection = await WireConnection.open(server.address);
    connection.send(bytes);
    await connection.untilClosed(CLOSED_WITHIN_MS);
    expect(server.residentBytes() - residentBefore).toBeLessThan(GROWTH_MAX);
  }

  function int32(value: number): Buffer {
    return new RequestWriter().int32(value).bytes();
  }

  describe('input 1 to 3: what is no frame', () => {
    it.for([
      { name: 'a length of 2^31 - 1', bytes: int32(0x7fffffff) },
      { name: 'a length of -1', bytes: int32(-1) },
      { name: 'a length of -2^31', bytes: int32(-(2 ** 31)) },
      { name: 'a length of 0', bytes: int32(0) },
      { name: 'an HTTP request', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n') },
      { name: 'a TLS hello', bytes: Buffer.from('16030100c4010000c00303000000000000000000000000', 'hex') },
      { name: 'an SSH banner', bytes: Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n') },
    ])('$name is closed at once', ({ bytes }) => isClosedAfter(bytes));
  });

  describe('input 5: what is not served', () => {
    it('an unknown API key is closed', () => isClosedAfter(request(9_999, 0, 1, Buffer.alloc(0))));

    it('ApiVersions in an unknown version is answered with error 35 in the layout of version 0', async () => {
      using connection = await WireConnection.open(server.address);
      connection.send(request(18, 99, 7, Buffer.alloc(0)));
      const answer = await connection.frame();
      expect(answer.readInt32BE(0)).toBe(7);
      expect(answer.readInt16BE(4)).toBe(35);
      const keys = Array.from({ length: answer.readInt32BE(6) }, (_, index) => answer.readInt16BE(10 + 6 * index));
      expect(keys).toContain(18);
    });
  });

  describe('input 6: counts that cannot be', () => {
    it.for(requestsWithArrays)('$name version $version closes the connection', async ({ apiKey, version, before }) => {
      for (const count of impossibleCounts) {
        await isClosedAfter(request(apiKey, version, 1, before().int32(count).bytes()));
      }
    });
  });

  describe('input 7: compact lengths that cannot be', () => {
    /** Header version 2 has a tag section behind the client id; Metadata 9 begins with a compact array. */
    it.for(impossibleVarints)('$name as a count closes the connection', ({ bytes }) =>
      isClosedAfter(request(3, 9, 1, Buffer.concat([Buffer.of(0), bytes]))),
    );

    it.for(impossibleVarints)('$name as a tag section closes the connection', ({ bytes }) =>
      isClosedAfter(request(3, 9, 1, bytes)),
    );
  });

  describe('input 10: batches that are not what they say', () => {
    const good = encodeBatch([Buffer.from('a'), Buffer.from('b')]);

    function changed(change: (batch: Buffer) => void): Buffer {
      const batch = Buffer.from(good);
      change(batch);
      return batch;
    }

    it.for([
      { name: 'a wrong checksum', batch: changed((batch) => batch.writeUInt32BE(1, 17)) },
      { name: 'a length beyond its bytes', batch: changed((batch) => batch.writeInt32BE(batch.length, 8)) },
      { name: 'a length short of its bytes', batch: changed((batch) => batch.writeInt32BE(batch.length - 13, 8)) },
      { name: 'a negative length', batch: changed((batch) => batch.writeInt32BE(-1, 8)) },
      { name: 'magic 0', batch: changed((batch) => batch.writeInt8(0, 16)) },
      { name: 'magic 1', batch: changed((batch) => batch.writeInt8(1, 16)) },
      { name: 'magic 9', batch: changed((batch) => batch.writeInt8(9, 16)) },
      { name: 'more records in the header than in the batch', batch: encodeBatch([Buffer.from('a')], { count: 2 }) },
      {
        name: 'fewer records in the header than in the batch',
        batch: encodeBatch([Buffer.from('a'), Buffer.from('b')], { count: 1 }),
      },
      { name: 'a negative last offset delta', batch: encodeBatch([Buffer.from('a')], { lastOffsetDelta: -1 }) },
      {
        name: 'a last offset delta beyond its records',
        batch: encodeBatch([Buffer.from('a')], { lastOffsetDelta: 5 }),
      },
      { name: 'only a header', batch: good.subarray(0, 61) },
      { name: 'three bytes', batch: good.subarray(0, 3) },
    ])('$name is refused, nothing of it is stored, and the other partition succeeds', async ({ name, batch }) => {
      using connection = await WireConnection.open(server.address);
      const topic = `bad-${name.replaceAll(/\W+/g, '-')}`;
      expect(await createTopics(connection, topic, 2)).toBe(0);
      const codes = await produceBoth(connection, topic, batch, good);
      expect([CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT, INVALID_RECORD]).toContain(codes[0]);
      expect(codes[1]).toBe(0);
      expect((await fetchPartition(connection, topic, 0, 0, 0)).highWatermark).toBe(0);
      expect((await fetchPartition(connection, topic, 1, 0, 0)).highWatermark).toBe(2);
    });
  });

  /** One Produce v7 with a batch for partition 0 and one for partition 1; the error codes by partition. */
  async function produceBoth(
    connection: WireConnection,
    topic: string,
    first: Buffer,
    second: Buffer,
  ): Promise<number[]> {
    const body = new RequestWriter().string(null).int16(-1).int32(10_000).int32(1).string(topic).int32(2);
    for (const [partition, batch] of [first, second].entries()) body.int32(partition).int32(batch.length).raw(batch);
    const answer = await connection.call(0, 7, body);
    const codes: number[] = [];
    answer.array(() => {
      answer.string();
      return answer.array(() => {
        codes[answer.int32()] = answer.int16();
        answer.take(24);
      });
    });
    return codes;
  }

  describe.concurrent('input 4 and 14: peers that do not go on', () => {
    it('a frame that stops after three bytes is closed at the read deadline', { timeout: 30_000 }, async () => {
      using connection = await WireConnection.open(server.address);
      connection.send(Buffer.concat([int32(100), Buffer.from('abc')]));
      const waited = await connection.untilClosed(20_000);
      expect(waited).toBeGreaterThan(5_000);
    });

    it('500 requests whose answers are never read are evicted within bounded memory', { timeout: 90_000 }, async () => {
      using filler = await WireConnection.open(server.address);
      expect(await createTopics(filler, 'never-read', 1)).toBe(0);
      const batch = encodeBatch([Buffer.alloc(500_000, 'x')]);
      for (let index = 0; index < 8; index += 1) {
        expect((await produce(filler, 'never-read', 0, batch, 1)).error).toBe(0);
      }
      using glutton = await WireConnection.open(server.address);
      glutton.pause();
      const body = new RequestWriter()
        .int32(-1)
        .int32(0)
        .int32(1)
        .int32(4 * MIB)
        .int8(0)
        .int32(1)
        .string('never-read');
      body
        .int32(1)
        .int32(0)
        .int64(0n)
        .int32(4 * MIB);
      for (let index = 0; index < 500; index += 1) glutton.send(request(1, 4, index, body.bytes()));
      let highest = 0;
      const watch = setInterval(() => {
        highest = Math.max(highest, server.residentBytes());
      }, 50);
      try {
        await glutton.untilReset(request(1, 4, 500, body.bytes()), 60_000);
      } finally {
        clearInterval(watch);
      }
      // 500 answers are 2 GiB; the cap is one connection's unsent bytes, and what holds them.
      expect(highest - residentBefore).toBeLessThan(2 * GROWTH_MAX);
    });
  });

  describe('after all of that', () => {
    it('the neighbour has had every answer in time, and the memory is back', async () => {
      const { answers, p99Ms, allowedMs } = await neighbour.end();
      expect(answers).toBeGreaterThan(100);
      expect(p99Ms).toBeLessThan(allowedMs);
      expect(server.running()).toBe(true);
      expect(server.residentBytes() - residentBefore).toBeLessThan(GROWTH_MAX);
    });
  });
}
