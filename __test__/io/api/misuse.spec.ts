/** Misuse is a typed error or a harmless result; it is never written over somebody's memory. */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Arena, sendFile } from '../../../ts/io/api/index.ts';
import { RingFile } from '../../../ts/io/api/ring-file.ts';
import { scratch } from '../../support/scratch.ts';
import { codeOf, drivers, ringOn } from './drivers.ts';

describe('an arena', () => {
  test('has leases that end once, and slots that come back', () => {
    const arena = new Arena({ slotBytes: 4096, slots: 2 });
    const [one, two] = [arena.lease(), arena.lease()];
    expect(arena.tryLease()).toBeUndefined();
    expect(() => arena.lease()).toThrow(expect.objectContaining({ code: 'MILLRACE_BUSY' }));
    expect(one.bytes.byteLength).toBe(4096);
    one.release();
    expect(() => one.release()).toThrow(expect.objectContaining({ code: 'MILLRACE_STALE_HANDLE' }));
    expect(() => one.bytes).toThrow(expect.objectContaining({ code: 'MILLRACE_STALE_HANDLE' }));
    one[Symbol.dispose]();
    {
      using three = arena.lease();
      expect(three.number).not.toBe(one.number);
      expect(arena.leased).toBe(2);
    }
    two.release();
    expect(arena.leased).toBe(0);
    expect(() => arena.lease().part(4000, 97)).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
  });

  test('is refused in sizes that are no pages, or too large', () => {
    for (const options of [
      { slotBytes: 100 },
      { slotBytes: 0 },
      { slots: 0 },
      { slotBytes: 2 ** 30, slots: 2 },
      { slots: 1.5 },
    ]) {
      expect(() => new Arena(options)).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
    }
  });
});

describe.each(drivers)('on driver %s', (driver) => {
  test('a lease in flight is neither released nor read into twice; written from, it may be shared', async () => {
    using folder = scratch('io-misuse');
    await using ring = await ringOn(driver);
    const arena = new Arena({ slotBytes: 4096, slots: 2 });
    const { readable, writable } = ring.pipe();
    const lease = arena.lease();
    const read = readable.read(lease);
    expect(() => lease.release()).toThrow(expect.objectContaining({ code: 'MILLRACE_BUFFER_BUSY' }));
    expect(await codeOf(readable.read(lease.part(100, 5)))).toBe('MILLRACE_BUFFER_BUSY');
    expect(await codeOf(writable.write(lease))).toBe('MILLRACE_BUFFER_BUSY');
    await writable.write(Buffer.from('hello'));
    expect(await read).toBe(5);
    expect(Buffer.from(lease.bytes.subarray(0, 5)).toString()).toBe('hello');
    await using file = await ring.open(join(folder.path, 'file'), { flags: 'w+' });
    const writes = [file.write(lease.part(0, 5), { position: 0 }), file.write(lease.part(0, 5), { position: 5 })];
    expect(await Promise.all(writes)).toEqual([5, 5]);
    lease.release();
    expect(await codeOf(file.read(lease))).toBe('MILLRACE_STALE_HANDLE');
  });

  test('an array that was detached under a read leaves the bytes nowhere, and says so', async () => {
    await using ring = await ringOn(driver);
    const { readable, writable } = ring.pipe();
    const bytes = new Uint8Array(16);
    const read = readable.read(bytes);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    await writable.write(Buffer.from('lost'));
    expect(await codeOf(read)).toBe('MILLRACE_DETACHED');
    expect(await codeOf(readable.read(bytes))).toBe('MILLRACE_DETACHED');
    expect(await codeOf(writable.write(bytes))).toBe('MILLRACE_DETACHED');
  });

  test('an array that was made shorter under a read is not written past its end', async () => {
    await using ring = await ringOn(driver);
    const { readable, writable } = ring.pipe();
    // The type of a resizable buffer is newer than our library of types.
    const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
    const buffer = new Resizable(16, { maxByteLength: 32 }) as ArrayBuffer & { resize(length: number): void };
    const read = readable.read(new Uint8Array(buffer));
    buffer.resize(2);
    await writable.write(Buffer.from('lost'));
    expect(await codeOf(read)).toBe('MILLRACE_DETACHED');
    expect(buffer.byteLength).toBe(2);
  });

  test('an array may be changed as soon as the write has begun', async () => {
    using folder = scratch('io-misuse');
    await using ring = await ringOn(driver);
    await using file = await ring.open(join(folder.path, 'file'), { flags: 'w+' });
    const bytes = Buffer.from('before');
    const write = file.write(bytes, { position: 0 });
    bytes.fill('x');
    await write;
    const into = Buffer.alloc(6);
    await file.read(into, { position: 0 });
    expect(into.toString()).toBe('before');
  });

  test('memory of two threads, things that are no memory, and positions out of range are refused', async () => {
    await using ring = await ringOn(driver);
    const { readable } = ring.pipe();
    expect(await codeOf(readable.read(new Uint8Array(new SharedArrayBuffer(8))))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(readable.read('text' as unknown as Uint8Array))).toBe('MILLRACE_ARGUMENT');
    for (const position of [-1, 0.5, Number.NaN, 2 ** 60, 2n ** 63n]) {
      expect(await codeOf(readable.read(new Uint8Array(8), { position }))).toBe('MILLRACE_ARGUMENT');
    }
    expect(await codeOf(readable.readv([]))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(readable.truncate(-5))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(ring.open('a\0b'))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(ring.timeout(Number.NaN))).toBe('MILLRACE_ARGUMENT');
  });

  test('a file that was closed in flight is closed only afterwards, so its descriptor is nobody else’s', async () => {
    await using ring = await ringOn(driver);
    const { readable, writable } = ring.pipe();
    const into = Buffer.alloc(4);
    const read = readable.read(into);
    const closed = readable.close();
    expect(await codeOf(readable.read(into))).toBe('MILLRACE_STALE_HANDLE');
    const others = Array.from({ length: 8 }, () => openSync('/dev/null', 'r'));
    for (const other of others) expect(fstatSync(other).isCharacterDevice()).toBe(true);
    await writable.write(Buffer.from('mine'));
    expect([await read, into.toString()]).toEqual([4, 'mine']);
    await closed;
    others.forEach(closeSync);
    expect(await codeOf(readable.close())).toBe('MILLRACE_STALE_HANDLE');
    await readable[Symbol.asyncDispose]();
  });

  test('a file of another ring, or of none, is stale here', async () => {
    await using one = await ringOn(driver);
    await using two = await ringOn(driver);
    const { readable } = one.pipe();
    for (const number of [readable.number, 77, 2 ** 52 - 1]) {
      const foreign = new RingFile(two.core, number);
      expect(await codeOf(foreign.read(Buffer.alloc(1)))).toBe('MILLRACE_STALE_HANDLE');
      expect(await codeOf(foreign.close())).toBe('MILLRACE_STALE_HANDLE');
    }
    const { writable } = two.pipe();
    expect(await codeOf(sendFile(readable, writable))).toBe('MILLRACE_ARGUMENT');
  });
});
