/** Promises of doctor: what it calls good, what it warns of, and that each warning says what to do. */
import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { doctor } from '../../ts/cli/doctor.ts';
import { judge, type ProbeFacts } from '../../ts/doctor/checks.ts';
import { type MachineFacts, readFacts } from '../../ts/doctor/facts.ts';
import { countInterrupts } from '../../ts/doctor/tuner-facts.ts';
import { openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

const good: MachineFacts = {
  kernel: '6.18.0',
  node: '20.20.2',
  folder: '/data',
  holder: undefined,
  fileSystem: 'ext4',
  freeBytes: 100 * 1024 ** 3,
  totalBytes: 200 * 1024 ** 3,
  device: 'vda1',
  disk: 'vda',
  writeCache: 'write back',
  fua: false,
  scheduler: 'none',
  noMerges: '0',
  openFiles: 1_048_576,
  lockedMemoryBytes: 64 * 1024 ** 2,
  swappiness: 10,
  hugePages: 'madvise',
  clockSource: 'tsc',
  ringDisabled: 0,
  seccomp: 0,
  flush: { p50Us: 120, p99Us: 400, source: 'trial' },
  tuners: {
    processors: 8,
    interrupts: { lines: 8, processors: 8 },
    discards: true,
    trimmed: true,
    backlog: 4096,
    handshakes: 2048,
    reserveBytes: 65_536,
  },
};
const { tuners } = good;
if (tuners === undefined) throw new Error('a good machine has them');
const ring: ProbeFacts = {
  driver: 'ring',
  reason: 'io_uring is available',
  direct: true,
  detail: 'blocks of 512 bytes',
  sockets: { sockets: 'ring', reason: 'the driver is ring' },
};

function verdictOf(check: string, facts: MachineFacts, probe: ProbeFacts | undefined = ring): string | undefined {
  return judge(facts, probe, undefined).find((finding) => finding.check === check)?.verdict;
}

describe('doctor', () => {
  it('finds nothing wrong with a good machine', () => {
    expect(judge(good, ring, undefined).filter((finding) => finding.verdict !== 'OK')).toEqual([]);
  });

  it.each<[string, Partial<MachineFacts>]>([
    ['file system', { fileSystem: 'tmpfs' }],
    ['free disk', { freeBytes: 1024 ** 3 }],
    ['open files', { openFiles: 1024 }],
    ['locked memory', { lockedMemoryBytes: 65_536 }],
    ['swappiness', { swappiness: 100 }],
    ['huge pages', { hugePages: 'always' }],
    ['clock source', { clockSource: 'hpet' }],
    ['disk scheduler', { scheduler: 'bfq' }],
    ['flush latency', { flush: { p50Us: 20_000, p99Us: 30_000, source: 'trial' } }],
    ['disk interrupts', { tuners: { ...tuners, interrupts: { lines: 8, processors: 1 } } }],
    ['trim', { tuners: { ...tuners, trimmed: false } }],
    ['network', { tuners: { ...tuners, backlog: 128 } }],
    ['ballast file', { tuners: { ...tuners, reserveBytes: 0 } }],
  ])('warns of a bad %s', (check, change) => {
    expect(verdictOf(check, { ...good, ...change })).toBe('WARN');
  });

  it('fails on a disk that is nearly full', () => {
    expect(verdictOf('free disk', { ...good, freeBytes: 1024 ** 2 })).toBe('FAIL');
  });

  it('warns with the reason when the ring driver is refused', () => {
    const pool: ProbeFacts = { ...ring, driver: 'pool', reason: 'io_uring_setup: EPERM' };
    const finding = judge({ ...good, seccomp: 2 }, pool, undefined).find((one) => one.check === 'driver');
    expect(finding).toMatchObject({ verdict: 'WARN', detail: 'pool: io_uring_setup: EPERM' });
    expect(finding?.fix).toContain('seccomp');
  });

  it('tells a filter of system calls that lets io_uring through from one that does not', () => {
    expect(verdictOf('seccomp', good)).toBe('OK');
    expect(verdictOf('seccomp', { ...good, seccomp: 2 })).toBe('OK');
    expect(verdictOf('seccomp', { ...good, seccomp: 2 }, { ...ring, driver: 'pool' })).toBe('WARN');
  });

  it('finds nothing to mend in what a machine does not have: trims, queues, a disk, a directory', () => {
    const none = { ...tuners, interrupts: { lines: 0, processors: 0 }, discards: false, reserveBytes: undefined };
    const few = { ...none, interrupts: { lines: 1, processors: 1 }, trimmed: false };
    for (const change of [{ tuners: none }, { tuners: few }, { device: undefined, disk: undefined }]) {
      for (const check of ['disk interrupts', 'trim', 'ballast file']) {
        expect(verdictOf(check, { ...good, ...change }), check).toBe('OK');
      }
    }
  });

  it('counts the interrupts that are a disk’s own, and the processors they come to', () => {
    const table = [
      '            CPU0       CPU1       ',
      ' 35:          0          1 PCI-MSIX-0000:00:02.0   0-edge      virtio1-config',
      ' 36:          0    4358537 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0',
      ' 37:          7          0 PCI-MSIX-0000:00:02.0   2-edge      virtio1-req.1',
      ' 38:          5          5 PCI-MSIX-0000:00:09.0   1-edge      virtio10-req.0',
      ' 39:          0          9 PCI-MSIX-0000:00:0a.0   1-edge      nvme0q1',
      ' 40:          0          0 PCI-MSIX-0000:00:0a.0   2-edge      nvme0q2',
      'NMI:          0          0   Non-maskable interrupts',
    ].join('\n');
    expect(countInterrupts(table, ['virtio1'])).toEqual({ lines: 2, processors: 2 });
    expect(countInterrupts(table, ['nvme0'])).toEqual({ lines: 1, processors: 1 });
    expect(countInterrupts(table, [])).toEqual({ lines: 0, processors: 0 });
  });

  it('says what carries connections, and warns when it is not the ring', () => {
    expect(verdictOf('sockets', good)).toBe('OK');
    const node: ProbeFacts = { ...ring, sockets: { sockets: 'node', reason: 'no sockets in a ring: EINVAL' } };
    const finding = judge(good, node, undefined).find((one) => one.check === 'sockets');
    expect(finding).toMatchObject({ verdict: 'WARN', detail: 'node: no sockets in a ring: EINVAL' });
  });

  it('fails when the addon cannot be loaded, and says why', () => {
    const finding = judge(good, undefined, 'no package for this platform').find((one) => one.check === 'driver');
    expect(finding).toMatchObject({ verdict: 'FAIL', detail: 'no package for this platform' });
  });

  it('says of a fact it cannot read that it could not, never OK', () => {
    expect(verdictOf('swappiness', { ...good, swappiness: undefined })).toBe('WARN');
    expect(verdictOf('file system', { ...good, fileSystem: undefined })).toBe('WARN');
  });

  it('gives each warning a remedy', () => {
    const nothing = Object.fromEntries(Object.keys(good).map((key) => [key, undefined]));
    const findings = judge({ ...nothing, kernel: 'x', node: 'y', folder: '/' } as MachineFacts, undefined, 'gone');
    for (const finding of findings.filter((one) => one.verdict !== 'OK')) expect(finding.fix).not.toBe('');
    expect(findings.length).toBeGreaterThan(10);
  });

  it('reads the machine it runs on, for a folder that does not exist yet too', () => {
    const facts = readFacts('/tmp/millrace-does-not-exist/below');
    expect(facts.folder).toBe('/tmp');
    expect(facts.freeBytes).toBeGreaterThan(0);
    expect(facts.openFiles).toBeGreaterThan(0);
    expect(facts.flush?.p50Us).toBeGreaterThan(0);
  });

  it('looks at a directory in use from outside, says who has it, and leaves everything as it was', async () => {
    using folder = scratch('doctor');
    const dir = join(folder.path, 'data');
    await using log = await openLog(dir);
    const before = readdirSync(dir).sort();
    const findings = await findingsFor(dir);
    expect(findings.get('data directory')?.detail).toBe(`in use by process ${process.pid}: looked at from outside`);
    expect(findings.get('driver')?.detail).toMatch(/^(ring|pool): /);
    expect(readdirSync(dir).sort()).toEqual(before);
    expect((await log.topic('t', { partitions: 1 })).name).toBe('t');
  });

  it('takes no lock and changes no mode where nobody has opened anything', async () => {
    using folder = scratch('doctor');
    const dir = join(folder.path, 'plain');
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    const findings = await findingsFor(dir);
    expect(findings.get('data directory')?.detail).toBe('open in no process seen from here');
    expect(readdirSync(dir)).toEqual([]);
    expect(statSync(dir).mode & 0o777).toBe(0o755);
  });
});

/** Runs doctor for `dir`; its findings by name. */
async function findingsFor(dir: string): Promise<Map<string, { verdict: string; detail: string }>> {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const terminal = { stdin: new PassThrough(), stdout, stderr: stdout };
  await doctor({ dir, json: true, strict: false, outputScript: false }, terminal);
  const findings: { check: string; verdict: string; detail: string }[] = JSON.parse(text);
  return new Map(findings.map((one) => [one.check, one]));
}
