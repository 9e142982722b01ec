/** Direct files: any range is read, streams read ahead and write behind, and what was written is there to the byte. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, test } from 'vitest';
import { openDirect } from '../../../ts/io/api/index.ts';
import { scratch } from '../../support/scratch.ts';
import { codeOf, drivers, ringOn, someBytes } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('any range is read, whatever the blocks are', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const [path, bytes] = [join(folder.path, 'file'), someBytes(20_001)];
    writeFileSync(path, bytes);
    await using file = await openDirect(ring, path);
    expect(file.alignment).toBeGreaterThanOrEqual(4096);
    for (const [position, length] of [
      [0, 1],
      [4095, 2],
      [1, 20_000],
      [8192, 4096],
      [20_000, 50],
      [30_000, 5],
      [7, 0],
    ]) {
      const range = [position ?? 0, length ?? 0] as const;
      expect((await file.read(...range)).equals(bytes.subarray(range[0], range[0] + range[1]))).toBe(true);
    }
    expect(await codeOf(file.read(-1, 5))).toBe('MILLRACE_ARGUMENT');
  });

  test('chunks come in order, from any byte to any other', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const [path, bytes] = [join(folder.path, 'file'), someBytes(50_001)];
    writeFileSync(path, bytes);
    await using file = await openDirect(ring, path);
    for (const [start, end] of [
      [0, undefined],
      [5000, 30_000],
      [4096, 8192],
      [50_000, undefined],
      [60_000, undefined],
    ] as const) {
      const seen: Buffer[] = [];
      for await (const chunk of file.chunks({ start, end, chunkBytes: 8192, depth: 3 })) seen.push(Buffer.from(chunk));
      expect(Buffer.concat(seen).equals(bytes.subarray(start, end))).toBe(true);
    }
    const stream = file.readable({ chunkBytes: 4096 });
    expect(Buffer.concat(await stream.toArray()).equals(bytes)).toBe(true);
  });

  test('reading that stops early, or is aborted, leaves nothing in flight', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    writeFileSync(path, someBytes(100_000));
    await using file = await openDirect(ring, path);
    for await (const chunk of file.chunks({ chunkBytes: 4096 })) {
      expect(chunk.byteLength).toBe(4096);
      break;
    }
    const ending = new AbortController();
    const all = async () => {
      for await (const _chunk of file.chunks({ chunkBytes: 4096, signal: ending.signal })) ending.abort();
    };
    expect(await codeOf(all())).toBe('MILLRACE_ABORTED');
    await ring.nop();
    expect(ring.counters.inFlight).toBe(0);
  });

  test('what is written in pieces of any size is there to the byte, and no byte more', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    const file = await openDirect(ring, path, { flags: 'w' });
    const writer = file.writer({ chunkBytes: 8192, depth: 2 });
    const pieces = [1, 8191, 8192, 20_000, 0, 3].map(someBytes);
    for (const piece of pieces) await writer.write(piece);
    expect(writer.position).toBe(36_387);
    expect(await writer.end()).toBe(36_387);
    expect(await codeOf(writer.write(Buffer.alloc(1)))).toBe('MILLRACE_CLOSED');
    expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
    await file.close();
  });

  test('a file is copied by two streams', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const [from, to, bytes] = [join(folder.path, 'a'), join(folder.path, 'b'), someBytes(300_007)];
    writeFileSync(from, bytes);
    await using source = await openDirect(ring, from);
    await using target = await openDirect(ring, to, { flags: 'w' });
    await pipeline(source.readable({ chunkBytes: 65_536 }), target.writable({ chunkBytes: 32_768 }));
    expect(readFileSync(to).equals(bytes)).toBe(true);
  });

  test('a write that fails ends the writer, with its error', async () => {
    using folder = scratch('io-direct');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    writeFileSync(path, '');
    await using file = await openDirect(ring, path, { flags: 'r' });
    const writer = file.writer({ chunkBytes: 4096, depth: 1 });
    await writer.write(Buffer.alloc(4096));
    await expect(writer.end()).rejects.toMatchObject({ code: 'MILLRACE_IO', errno: 9 });
    const stream = file.writable({ chunkBytes: 4096, depth: 1 });
    await expect(pipeline([Buffer.alloc(9000)], stream)).rejects.toMatchObject({ errno: 9 });
    expect(() => file.writer({ start: 5 })).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
  });

  test('where a file system has no direct I/O, the page cache serves and the reason is told', async () => {
    await using ring = await ringOn(driver);
    // procfs refuses O_DIRECT.
    const file = await openDirect(ring, '/proc/self/maps');
    expect([file.isDirect, file.reason]).toEqual([false, 'the file system refuses O_DIRECT']);
    await file.close();
  });
});
