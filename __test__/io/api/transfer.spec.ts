/** Zero copy: the bytes arrive, progress is told, and an abort says how far it came. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { copyRange, sendFile, splice, TransferError, tee } from '../../../ts/io/api/index.ts';
import { scratch } from '../../support/scratch.ts';
import { codeOf, drivers, ringOn, someBytes } from './drivers.ts';

/** A connection of Node's over loopback: the end that is sent to, and the end that reads. */
async function connection(): Promise<{ near: Socket; far: Socket; [Symbol.dispose](): void }> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  const far = connect(port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  return {
    near,
    far,
    [Symbol.dispose]() {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}

describe.each(drivers)('on driver %s', (driver) => {
  test('a file goes to a socket of Node’s, beyond what the socket takes at once', async () => {
    using folder = scratch('io-transfer');
    await using ring = await ringOn(driver);
    const [path, bytes] = [join(folder.path, 'file'), someBytes(8_000_000)];
    writeFileSync(path, bytes);
    using pair = await connection();
    await using file = await ring.open(path);
    await using socket = ring.attach(pair.near);
    const seen: Buffer[] = [];
    pair.far.on('data', (data) => seen.push(data as Buffer));
    const progress: number[] = [];
    const length = 7_000_000;
    const options = {
      position: 500_000,
      length,
      pieceBytes: 300_000,
      onProgress: (done: number) => progress.push(done),
    };
    expect(await sendFile(file, socket, options)).toBe(length);
    expect(progress.at(-1)).toBe(length);
    expect(progress.length).toBeGreaterThanOrEqual(24);
    // Behind the end of the file there is nothing to send.
    expect(await sendFile(file, socket, { position: 9_000_000 })).toBe(0);
    pair.near.end();
    await once(pair.far, 'end');
    expect(Buffer.concat(seen).equals(bytes.subarray(500_000, 7_500_000))).toBe(true);
  });

  test('an aborted transfer says how many bytes have gone', async () => {
    using folder = scratch('io-transfer');
    await using ring = await ringOn(driver);
    const path = join(folder.path, 'file');
    writeFileSync(path, Buffer.alloc(16_000_000));
    using pair = await connection();
    await using file = await ring.open(path);
    await using socket = ring.attach(pair.near);
    const ending = new AbortController();
    // Nobody reads: the socket fills, and the transfer waits.
    pair.far.pause();
    const sent = sendFile(file, socket, { pieceBytes: 65_536, signal: ending.signal });
    await ring.timeout(20);
    ending.abort();
    const error = await sent.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TransferError);
    expect(error).toMatchObject({ code: 'MILLRACE_ABORTED', transferred: expect.any(Number) });
    expect((error as TransferError).transferred).toBeGreaterThan(0);
    expect((error as TransferError).transferred).toBeLessThan(16_000_000);
  });

  test('splice moves through a pipe, tee leaves what it copies', async () => {
    using folder = scratch('io-transfer');
    await using ring = await ringOn(driver);
    const [from, to] = [join(folder.path, 'a'), join(folder.path, 'b')];
    writeFileSync(from, 'zero copy');
    await using source = await ring.open(from);
    await using target = await ring.open(to, { flags: 'w' });
    const [one, two] = [ring.pipe(), ring.pipe({ bytes: 4096 })];
    expect(await splice(source, one.writable, { position: 5, length: 100 })).toBe(4);
    expect(await tee(one.readable, two.writable, 100)).toBe(4);
    expect(await splice(one.readable, target, { targetPosition: 2, length: 4 })).toBe(4);
    expect(readFileSync(to).toString()).toBe('\0\0copy');
    const into = Buffer.alloc(4);
    await two.readable.read(into);
    expect(into.toString()).toBe('copy');
    const ending = new AbortController();
    const waits = splice(one.readable, target, { targetPosition: 0, signal: ending.signal });
    setImmediate(() => ending.abort());
    expect(await codeOf(waits)).toBe('MILLRACE_ABORTED');
  });

  test('a range is copied from file to file', async () => {
    using folder = scratch('io-transfer');
    await using ring = await ringOn(driver);
    const [from, to, bytes] = [join(folder.path, 'a'), join(folder.path, 'b'), someBytes(100_000)];
    writeFileSync(from, bytes);
    await using source = await ring.open(from);
    await using target = await ring.open(to, { flags: 'w' });
    const range = { position: 10, targetPosition: 5, length: 50_000, pieceBytes: 7000 };
    expect(await copyRange(source, target, range)).toBe(50_000);
    expect(readFileSync(to).subarray(5).equals(bytes.subarray(10, 50_010))).toBe(true);
    expect(await copyRange(source, target)).toBe(100_000);
    expect(await codeOf(copyRange(source, target, { length: -1 }))).toBe('MILLRACE_ARGUMENT');
    expect(await codeOf(copyRange(source, target, { pieceBytes: 0 }))).toBe('MILLRACE_ARGUMENT');
  });
});
