/** Files through a ring and through threads: the same bytes, the same answers, the same errors. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../../ts/io/api/index.ts';
import { scratch } from '../../support/scratch.ts';
import { codeOf, drivers, ringOn, someBytes } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('says what it is and why', async () => {
    await using ring = await ringOn(driver);
    const wanted = driver === 'auto' ? { driver: 'pool' } : { driver, reason: 'chosen' };
    expect(ring.driver).toMatchObject({ ...wanted, refused: [] });
    expect(ring.driver.flags.includes('SUBMIT_ALL')).toBe(driver === 'ring');
  });

  test('what is written is read, at positions, in vectors and at the end', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    const file = await ring.open(path, { flags: 'w+' });
    const bytes = someBytes(10_000);
    expect(await file.write(bytes, { position: 0 })).toBe(10_000);
    expect(await file.writev([bytes.subarray(0, 3), bytes.subarray(5)], { position: 10_000, durable: true })).toBe(
      9998,
    );
    expect(await file.write(Buffer.from('end'), { append: true, position: 0 })).toBe(3);
    const [one, two] = [Buffer.alloc(4), new Uint8Array(10_000)];
    expect(await file.readv([one, two], { position: 9_999 })).toBe(10_002);
    expect(one.equals(Buffer.concat([bytes.subarray(9_999), bytes.subarray(0, 3)]))).toBe(true);
    expect(Buffer.from(two.subarray(0, 9_995)).equals(bytes.subarray(5))).toBe(true);
    expect(readFileSync(path).subarray(19_998).toString()).toBe('end');
    expect(await file.read(one, { position: 30_000n })).toBe(0);
    await file.close();
  });

  test('without a position it goes on where the descriptor stands', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    await using file = await ring.open(join(folder.path, 'file'), { flags: 'w+' });
    await file.write(Buffer.from('abc'));
    await file.write(Buffer.from('def'));
    const into = Buffer.alloc(6);
    expect(await file.read(into, { position: 0 })).toBe(6);
    expect(into.toString()).toBe('abcdef');
  });

  test('direct files take any array, as its bytes go through aligned memory', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    await using file = await ring.open(join(folder.path, 'file'), { flags: 'w+', direct: true });
    const bytes = someBytes(8192 + 1).subarray(1);
    expect(await file.write(bytes, { position: 4096, durable: true })).toBe(8192);
    const into = Buffer.alloc(8192);
    expect(await file.read(into, { position: 4096 })).toBe(8192);
    expect(into.equals(bytes)).toBe(true);
    const { direct, size } = await file.stat();
    expect(size).toBe(12_288);
    expect(direct.offset).toBeGreaterThanOrEqual(512);
    await expect(file.write(Buffer.alloc(100), { position: 1 })).rejects.toMatchObject({
      code: 'MILLRACE_IO',
      errno: 22,
    });
  });

  test('names, sizes and space: rename, unlink, mkdir, rmdir, stat, truncate, allocate, sync', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    const [a, b, sub] = ['a', 'b', 'sub'].map((name) => join(folder.path, name)) as [string, string, string];
    await using file = await ring.open(a, { flags: 'wx', mode: 0o640 });
    expect(await codeOf(ring.open(a, { flags: 'wx' }))).toBe('MILLRACE_IO');
    await file.allocate(0, 8192);
    await file.truncate(5000);
    await file.sync();
    await file.datasync();
    expect(await file.stat()).toMatchObject({ size: 5000, isFile: true, isDirectory: false });
    await file.allocate(0, 4096, { punchHole: true });
    expect(statSync(a).mode & 0o777).toBe(0o640);
    await ring.rename(a, b);
    expect((await ring.stat(b)).inode).toBe(statSync(b).ino);
    writeFileSync(a, '');
    await expect(ring.rename(a, b, { exclusive: true })).rejects.toMatchObject({ errno: 17 });
    await ring.unlink(b);
    const missing = await ring.stat(b).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(MillraceError);
    expect(missing).toMatchObject({ code: 'MILLRACE_IO', errno: 2, path: b });
    await ring.mkdir(sub);
    expect((await ring.stat(sub)).isDirectory).toBe(true);
    await ring.rmdir(sub);
    mkdirSync(sub);
    expect(await codeOf(ring.unlink(sub))).toBe('MILLRACE_IO');
  });

  test('a chain runs in order, and what is behind a failure is not done', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    await using file = await ring.open(path, { flags: 'w+' });
    const into = Buffer.alloc(5);
    const results = await ring.chain(() => [
      file.write(Buffer.from('12345'), { position: 0 }),
      file.datasync(),
      file.read(into, { position: 0 }),
    ]);
    expect([results[0], results[2], into.toString()]).toEqual([5, 5, '12345']);
    const ends: Promise<string>[] = [];
    const broken = ring.chain(() => {
      const steps = [file.read(Buffer.alloc(10), { position: 0 }), file.write(Buffer.from('never'), { position: 0 })];
      ends.push(...steps.map(codeOf));
      return steps;
    });
    expect(await codeOf(broken)).toBe('MILLRACE_ABORTED');
    expect(await Promise.all(ends)).toEqual(['resolved', 'MILLRACE_ABORTED']);
    const refused = ring.chain(() => {
      const steps = [file.write(Buffer.alloc(1), { position: -1 }), file.write(Buffer.from('never'), { position: 0 })];
      ends.push(...steps.map(codeOf));
      return steps;
    });
    expect(await codeOf(refused)).toBe('MILLRACE_ARGUMENT');
    expect((await Promise.all(ends)).slice(2)).toEqual(['MILLRACE_ARGUMENT', 'MILLRACE_ARGUMENT']);
    expect(readFileSync(path, 'utf8')).toBe('12345');
    // What comes after a chain belongs to none.
    expect(await file.read(into, { position: 0 })).toBe(5);
  });

  test('the atomic flag is taken or refused as not supported, never ignored', async () => {
    using folder = scratch('io-files');
    await using ring = await ringOn(driver);
    await using file = await ring.open(join(folder.path, 'file'), { flags: 'w+', direct: true });
    const code = await codeOf(file.write(Buffer.alloc(4096), { position: 0, atomic: true }));
    expect(['resolved', 'MILLRACE_UNSUPPORTED', 'MILLRACE_IO']).toContain(code);
    expect((await file.stat()).size).toBe(code === 'resolved' ? 4096 : 0);
    const kept = await codeOf(file.write(Buffer.alloc(4096), { position: 0, dontCache: true }));
    expect(['resolved', 'MILLRACE_UNSUPPORTED']).toContain(kept);
  });
});
