/**
 * Promises of prove: durable loses nothing, weaker levels say what they lost, a seed does the same again, and a directory's
 * own policy is taken without a byte of it being changed.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openLog } from '../../ts/index.ts';
import { type Certificate, provePowerCuts } from '../../ts/testing/index.ts';
import { scratch } from '../support/scratch.ts';

/** Every file of a directory with its bytes and when it was changed; its lock says who had it last. */
function everything(dir: string): Record<string, string> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (one) => one.isFile() && one.name !== 'lock',
  );
  const described = files.map((one) => {
    const path = join(one.parentPath, one.name);
    return [path, `${createHash('sha256').update(readFileSync(path)).digest('hex')} ${statSync(path).mtimeMs}`];
  });
  return Object.fromEntries(described);
}

/** A closed directory with topics that are flushed and promised differently. */
async function directoryWithTopics(dir: string): Promise<void> {
  await using log = await openLog(dir, { flush: { records: 50 }, journalFileBytes: '1mb' });
  await log.topic('orders', { partitions: 2, config: { 'min.durability': 'durable' } });
  await log.topic('payments', { partitions: 1, config: { 'min.durability': 'durable' } });
  await log.topic('clicks', { partitions: 1, config: { 'flush.messages': '5', 'flush.ms': '200' } });
  await log.topic('traces', { partitions: 1 });
}

async function prove(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') };
  return { code: await runCommandLine(['prove', ...argv], terminal), ...text };
}

describe('prove', () => {
  it('prints a certificate: cuts, acknowledged, lost, seed and the command that does it again', async () => {
    const proof = await prove('--cuts', '12', '--seed', '5');
    expect(proof, proof.out).toMatchObject({ code: ExitCode.ok, err: '' });
    expect(proof.out).toMatch(/power cuts {4}12,/);
    expect(proof.out).toMatch(/lost {10}0 of those acknowledged/);
    expect(proof.out).toContain('millrace prove --flush always --durability durable --cuts 12 --seed 5');
  });

  it('loses what a weaker level allows, and says how much', async () => {
    const { violations, lost, acknowledged } = await provePowerCuts({
      flush: 'os',
      durability: 'written',
      cuts: 16,
      seed: 3,
    });
    expect(violations).toEqual([]);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThanOrEqual(acknowledged);
  });

  it('a policy that is none ends with exit code 2', async () => {
    expect((await prove('--flush', 'sometimes')).code).toBe(ExitCode.usage);
  });

  it('takes policy and topics of a directory, says by topic and level what was lost, and leaves it as it was', async () => {
    using folder = scratch('prove');
    const dir = join(folder.path, 'data');
    await directoryWithTopics(dir);
    const before = everything(dir);
    const proof = await prove('--dir', dir, '--cuts', '24', '--seed', '2', '--json');
    expect(everything(dir)).toEqual(before);
    expect(proof, proof.out).toMatchObject({ code: ExitCode.ok, err: '' });
    const certificate = JSON.parse(proof.out) as Certificate & { replay: string };
    expect(certificate).toMatchObject({ flush: 'records=50', flushFrom: 'last run', asOf: 'now', durability: 'mixed' });
    expect(certificate).toMatchObject({
      cuts: 24,
      violations: [],
      replay: `millrace prove --dir ${dir} --cuts 24 --seed 2`,
    });
    expect(certificate.faults).toBeGreaterThan(0);
    const [clicks, orders, traces] = certificate.profiles;
    expect(clicks).toMatchObject({ topics: ['clicks'], flush: 'records=5,interval=200ms', floor: 'memory' });
    expect(orders).toMatchObject({ topics: ['orders', 'payments'], flush: 'records=50', floor: 'durable' });
    expect(traces).toMatchObject({ topics: ['traces'], flush: 'records=50', floor: 'memory' });
    for (const { levels } of certificate.profiles) expect(levels.durable.lost).toBe(0);
    expect(orders?.levels).toMatchObject({ written: { acknowledged: 0 }, memory: { acknowledged: 0 } });
    expect(traces?.levels.memory.lost).toBeGreaterThan(0);
  });

  it('reads a copy of what is in use, and takes what a settings file adds', async () => {
    using folder = scratch('prove');
    const dir = join(folder.path, 'data');
    await directoryWithTopics(dir);
    await using _log = await openLog(dir, { flush: 'os', journalFileBytes: '1mb' });
    const config = join(folder.path, 'server.properties');
    writeFileSync(config, 'log.flush.interval.messages=9\ndurability=written\n');
    const proof = await prove('--dir', dir, '--config', config, '--cuts', '4');
    expect(proof, proof.out).toMatchObject({ code: ExitCode.ok, err: '' });
    expect(proof.out).toContain('from a copy of its manifest and journal: it is being served; flush policy as given');
    expect(proof.out).toMatch(/^policy +records=9, /m);
    expect(proof.out).toMatch(/^topics +traces: flush records=9, at least written/m);
  });

  it('a directory that is none of ours is refused, and nothing is left in it', async () => {
    using folder = scratch('prove');
    expect((await prove('--dir', folder.path, '--cuts', '4')).code).not.toBe(ExitCode.ok);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});
