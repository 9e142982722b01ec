/** Promises of backups: taken while everything is written, a copy is one state of the directory, whole and verified. */

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { type Kv, type Log, openKv, openLog, verifyDirectory } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

const small = { memoryBytes: '8mb', settleBytes: '256kb', journalFileBytes: '1mb', largeValueBytes: 20_000 } as const;

/** Writes frames of one key, one large value and one record, each with the same number, until it is stopped. */
class Writer {
  count = 0;
  #isStopped = false;
  readonly #done: Promise<void>;

  constructor(kv: Kv<'utf8', 'utf8'>, log: Log) {
    this.#done = this.#run(kv, log);
  }

  async #run(kv: Kv<'utf8', 'utf8'>, log: Log): Promise<void> {
    const topic = await log.topic('t', { partitions: 1 });
    while (!this.#isStopped) {
      const number = this.count + 1;
      const frame = kv
        .batch()
        .put('count', String(number))
        .put(`large/${number % 5}`, String(number).padEnd(30_000, 'x'));
      if (number % 3 === 0) frame.del(`key/${number % 40}`);
      else frame.put(`key/${number % 40}`, `${number}:${'y'.repeat(500)}`);
      await frame.append(topic, { value: String(number) }).write();
      this.count = number;
    }
  }

  /** Resolves when at least so many frames are written. */
  async reach(count: number): Promise<void> {
    while (this.count < count) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#done;
  }
}

/** What keys of stores must be after the first `count` frames. */
function modelOf(count: number): Map<string, string> {
  const model = new Map<string, string>();
  for (let number = 1; number <= count; number += 1) {
    model.set('count', String(number));
    model.set(`large/${number % 5}`, String(number));
    if (number % 3 === 0) model.delete(`key/${number % 40}`);
    else model.set(`key/${number % 40}`, String(number));
  }
  return model;
}

/** Opens a copy and compares all of it with the state after some frame; answers which. */
async function stateOf(dir: string): Promise<number> {
  await using log = await openLog(dir, small);
  expect(log.recovery.clean).toBe(true);
  await using kv = await openKv(dir, { valueEncoding: 'utf8' });
  const found = new Map<string, string>();
  for await (const [key, value] of kv.entries()) found.set(key, value.replace(/[:xy]+$/, ''));
  const count = Number(found.get('count'));
  expect(found).toEqual(modelOf(count));
  const records: string[] = [];
  const topic = await log.topic('t');
  for await (const batch of topic.read({ from: 'earliest', follow: false })) {
    for (const record of batch.records()) records.push(String(record.value));
  }
  expect(records).toEqual(Array.from({ length: count }, (_, at) => String(at + 1)));
  return count;
}

async function isWhole(dir: string): Promise<void> {
  const found = await verifyDirectory(dir, { deep: true });
  expect(found.findings.filter((finding) => finding.kind !== 'note')).toEqual([]);
}

describe('a backup', () => {
  it.each(['ring', 'pool'] as const)('under writes is the state at one mark, and verifies (%s)', async (driver) => {
    using folder = scratch('backup');
    const dir = join(folder.path, 'data');
    await using log = await openLog(dir, { ...small, driver });
    await using kv = await openKv(dir, { valueEncoding: 'utf8' });
    const writer = new Writer(kv, log);
    try {
      const states: number[] = [];
      for (const [round, copy] of [false, true, false].entries()) {
        await writer.reach(60 * (round + 1));
        const before = writer.count;
        const target = join(folder.path, `copy-${round}`);
        const progress: number[] = [];
        const result = await kv.backup(target, { copy, onProgress: (bytes) => progress.push(bytes) });
        expect(progress.at(-1)).toBe(result.bytes);
        if (copy) expect(result.linkedBytes).toBe(0);
        await isWhole(target);
        const state = await stateOf(target);
        expect(state).toBeGreaterThanOrEqual(before);
        expect(state).toBeLessThanOrEqual(writer.count + 1);
        await isWhole(target);
        states.push(state);
      }
      expect(states).toEqual([...states].sort((left, right) => left - right));
    } finally {
      await writer.stop();
    }
    // What was opened and written in the copies has not touched the original.
    await log.close();
    await kv.close();
    await isWhole(dir);
    expect(await stateOf(dir)).toBe(writer.count);
  });

  it('that is given up leaves nothing, and another one can be made', async () => {
    using folder = scratch('backup');
    const dir = join(folder.path, 'data');
    await using kv = await openKv(dir, { ...small, valueEncoding: 'utf8' });
    for (let at = 0; at < 50; at += 1) await kv.put(`key/${at}`, 'v'.repeat(1_000));
    const target = join(folder.path, 'copy');
    const stop = new AbortController();
    const given = kv.backup(target, { signal: stop.signal, onProgress: () => stop.abort() });
    await expect(given).rejects.toMatchObject({ code: 'MILLRACE_ABORTED' });
    expect(readdirSync(target)).toEqual([]);
    const { files } = await kv.backup(target);
    expect(files).toBeGreaterThan(0);
    await isWhole(target);
  });

  it('goes to an empty directory outside of the original, or nowhere', async () => {
    using folder = scratch('backup');
    const dir = join(folder.path, 'data');
    await using kv = await openKv(dir, { ...small, valueEncoding: 'utf8' });
    await expect(kv.backup(join(dir, 'copy'))).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
    writeFileSync(join(folder.path, 'file'), '');
    await expect(kv.backup(folder.path)).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
    await expect(kv.backup(join(folder.path, 'file', 'copy'))).rejects.toMatchObject({ code: 'MILLRACE_IO' });
    expect(existsSync(join(dir, 'copy'))).toBe(false);
  });

  it('is made by a command of a directory that nobody serves', async () => {
    using folder = scratch('backup');
    const dir = join(folder.path, 'data');
    {
      await using kv = await openKv(dir, { valueEncoding: 'utf8' });
      await kv.put('a', '1');
    }
    let out = '';
    const sink = new Writable({
      write(chunk, _encoding, done) {
        out += String(chunk);
        done();
      },
    });
    const terminal = { stdin: new PassThrough(), stdout: sink, stderr: new PassThrough() };
    const target = join(folder.path, 'copy');
    const code = await runCommandLine(['backup', '--dir', dir, '--to', target, '--json'], terminal);
    expect(code).toBe(ExitCode.ok);
    expect(JSON.parse(out)).toMatchObject({ mark: expect.any(Number) });
    await using copy = await openKv(target, { valueEncoding: 'utf8' });
    expect(await copy.get('a')).toBe('1');
  });
});
