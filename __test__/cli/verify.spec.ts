/** Promises of verify and repair: whole is said to be whole, damage ends with its own code, nothing changes without --execute. */
import { closeSync, copyFileSync, existsSync, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { openKv, openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const terminal = { stdin: new PassThrough(), stdout: sink('out'), stderr: sink('err') };
  return { code: await runCommandLine(argv, terminal), ...text };
}

/** A closed data directory with a few records and keys. */
async function writtenDirectory(folder: string): Promise<string> {
  const dir = join(folder, 'data');
  await using log = await openLog(dir);
  const topic = await log.topic('t', { partitions: 2 });
  for (let index = 0; index < 20; index++) await topic.append({ value: `record ${index}` });
  await using kv = await openKv(dir);
  await kv.put('key', Buffer.from('value'));
  return dir;
}

/** Flips a bit of the last frame of the journal: of a directory that was closed, and so damage. */
function damageJournal(dir: string): string {
  const file = join(dir, 'journal', readdirSync(join(dir, 'journal')).sort()[0] ?? '');
  const bytes = readFileSync(file);
  const at = bytes.lastIndexOf('MRJF') + 30;
  const handle = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  writeSync(handle, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, at);
  closeSync(handle);
  return file;
}

describe('verify', () => {
  it('a directory that was closed verifies, with and without --deep, and is left as it was', async () => {
    using folder = scratch('verify');
    const dir = await writtenDirectory(folder.path);
    const before = readdirSync(dir, { recursive: true }).map(String).sort();
    for (const options of [[], ['--deep']]) {
      const found = await run('verify', dir, ...options);
      expect(found, found.err).toMatchObject({ code: ExitCode.ok, out: '' });
      expect(found.err).toContain('everything verifies');
      // What was written is not settled: it is verified where it lies, and not said to be nothing.
      if (options.length > 0)
        expect(found.err).toContain('no batches in segments (what is not settled yet is in the journal');
    }
    expect(readdirSync(dir, { recursive: true }).map(String).sort()).toEqual(before);
  });

  it('damage is named by file and position, with exit code 4, as text and as JSON', async () => {
    using folder = scratch('verify');
    const dir = await writtenDirectory(folder.path);
    damageJournal(dir);
    const text = await run('verify', dir);
    expect(text.code).toBe(ExitCode.damaged);
    expect(text.out).toMatch(/^DAMAGE journal\S* at position \d+: /);
    const json = await run('verify', dir, '--deep', '--json');
    expect(json).toMatchObject({ code: ExitCode.damaged, err: '' });
    const lines = json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(0)).toMatchObject({ kind: 'damage' });
    expect(lines.at(-1)).toMatchObject({ kind: 'summary' });
  });

  it('what is no data directory is not touched: exit code 3 when it is not there, 2 when it is something else', async () => {
    using folder = scratch('verify');
    expect((await run('verify', join(folder.path, 'nothing'))).code).toBe(ExitCode.notFound);
    const foreign = await run('verify', folder.path);
    expect(foreign.code).toBe(ExitCode.usage);
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('a directory that is open is refused', async () => {
    using folder = scratch('verify');
    const dir = await writtenDirectory(folder.path);
    await using _log = await openLog(dir);
    const refused = await run('verify', dir);
    expect(refused.code).toBe(ExitCode.failure);
    expect(refused.err).not.toBe('');
  });
});

/** A closed data directory with one damaged batch in a segment: offset 3 of 30. */
async function damagedSegment(folder: string): Promise<string> {
  const dir = join(folder, 'data');
  {
    await using log = await openLog(dir, { settleBytes: 256 * 1024 });
    const topic = await log.topic('t', { partitions: 1 });
    // Too small for a file of their own; more than is settled at a time.
    for (let offset = 0; offset < 30; offset++) await topic.append({ value: offset.toString(36).repeat(20_000) });
    await vi.waitFor(() => expect(segmentWith('3'.repeat(100), dir)).toBeDefined(), { timeout: 30_000 });
  }
  const place = segmentWith('3'.repeat(100), dir);
  if (place === undefined) throw new Error('no segment has the record');
  const handle = openSync(place.file, 'r+');
  writeSync(handle, Buffer.from('4'), 0, 1, place.position);
  closeSync(handle);
  return dir;
}

function segmentWith(value: string, dir: string): { file: string; position: number } | undefined {
  const folder = join(dir, 'segments');
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder).map((name) => join(folder, name));
  const places = files.map((file) => ({ file, position: readFileSync(file).indexOf(value) }));
  return places.find(({ position }) => position >= 0);
}

describe('verify of one file', () => {
  it('tells of that file, or of a copy of it that lies anywhere, with exit code 4 for damage', async () => {
    using folder = scratch('verify');
    const dir = await damagedSegment(folder.path);
    const files = readdirSync(join(dir, 'segments')).map((name) => join(dir, 'segments', name));
    const verified = await Promise.all(files.map((file) => run('verify', file, '--deep')));
    const damaged = files.filter((_, index) => verified[index]?.code === ExitCode.damaged);
    expect(damaged).toHaveLength(1);
    const [file = ''] = damaged;
    expect(verified[files.indexOf(file)]?.out).toMatch(
      new RegExp(`^DAMAGE segments/${basename(file)} at position \\d+: `),
    );
    const copy = join(folder.path, basename(file));
    copyFileSync(file, copy);
    const alone = await run('verify', copy, '--json');
    expect(alone.code, alone.err).toBe(ExitCode.damaged);
    expect(JSON.parse(alone.out.split('\n')[0] ?? '{}')).toMatchObject({ kind: 'damage', file: copy });
    expect(await run('repair', copy)).toMatchObject({ code: ExitCode.usage });
    const journal = join(dir, 'journal', readdirSync(join(dir, 'journal'))[0] ?? '');
    expect(await run('verify', journal)).toMatchObject({ code: ExitCode.ok, out: '' });
    expect(await run('verify', join(dir, 'nothing'))).toMatchObject({ code: ExitCode.notFound });
  });
});

describe('repair', () => {
  it('gives damaged offsets up with --skip-damaged: told before; reads go on behind them', async () => {
    using folder = scratch('repair');
    const dir = await damagedSegment(folder.path);
    const fenced = await run('repair', dir, '--apply');
    expect(fenced, fenced.out).toMatchObject({ code: ExitCode.damaged, out: expect.stringContaining('stays fenced') });
    const planned = await run('repair', dir, '--skip-damaged');
    expect(planned).toMatchObject({
      code: ExitCode.damaged,
      out: expect.stringMatching(/would give up .*topic t, partition 0 \(the engine's \d+\): offsets 3 to 3 are lost/),
    });
    const applied = await run('repair', dir, '--skip-damaged', '--execute', '--json');
    expect(applied.code, applied.out).toBe(ExitCode.ok);
    const steps = applied.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(steps).toContainEqual(
      expect.objectContaining({ kind: 'skip', from: 3, to: 4, topic: 't', topicPartition: 0 }),
    );
    expect(await run('verify', dir, '--deep')).toMatchObject({ code: ExitCode.ok });
    await using log = await openLog(dir);
    const seen: string[] = [];
    const topic = await log.topic('t');
    const records = topic.read({ from: 'earliest', follow: false }).records();
    for await (const { value } of records) seen.push(String.fromCharCode(value?.[0] ?? 0));
    expect(seen.join('')).toBe('012456789abcdefghijklmnopqrst');
  });

  it('cuts a partition where it begins to be damaged with --truncate-at-first-bad, which nothing implies', async () => {
    using folder = scratch('repair');
    const dir = await damagedSegment(folder.path);
    const planned = await run('repair', dir, '--truncate-at-first-bad');
    expect(planned).toMatchObject({
      code: ExitCode.damaged,
      out: expect.stringMatching(
        /would give up .*topic t, partition 0 \(the engine's \d+\): offsets 3 to 29 are cut off/,
      ),
    });
    const applied = await run('repair', dir, '--truncate-at-first-bad', '--execute');
    expect(applied, applied.out).toMatchObject({ code: ExitCode.ok });
    expect(await run('verify', dir, '--deep')).toMatchObject({ code: ExitCode.ok });
    await using log = await openLog(dir);
    const topic = await log.topic('t');
    const seen: string[] = [];
    const records = topic.read({ from: 'earliest', follow: false }).records();
    for await (const { value } of records) seen.push(String.fromCharCode(value?.[0] ?? 0));
    expect(seen.join('')).toBe('012');
    // Offsets are not given out twice: who has read to the end sees nothing twice and misses nothing.
    expect(await topic.append({ value: 'next' })).toMatchObject({ baseOffset: 30n });
  });

  it('does only one of its two parts when it is told so, and keeps what it fences', async () => {
    using folder = scratch('repair');
    const dir = await writtenDirectory(folder.path);
    damageJournal(dir);
    const rebuilt = await run('repair', dir, '--rebuild-index');
    expect(rebuilt.out).toMatch(/^stays fenced: journal/);
    const fenced = await run('repair', dir, '--fence');
    expect(fenced.out).toMatch(/^would copy away journal/);
    expect((await run('repair', dir, '--rebuild-index', '--fence')).out).toBe(fenced.out);
    for (const contrary of ['--skip-damaged', '--truncate-at-first-bad']) {
      expect(await run('repair', dir, '--fence', contrary)).toMatchObject({ code: ExitCode.usage, out: '' });
    }
  });

  it('is of one file when that is named: what is wrong elsewhere stays as it is', async () => {
    using folder = scratch('repair');
    const dir = await damagedSegment(folder.path);
    const files = readdirSync(join(dir, 'segments')).map((name) => join(dir, 'segments', name));
    const found = segmentWith('444', dir);
    const damaged = files.filter((file) => file === found?.file);
    const whole = files.find((file) => file !== found?.file && !file.endsWith('.index'));
    expect(damaged).toHaveLength(1);
    if (whole !== undefined) {
      expect(await run('repair', whole, '--skip-damaged')).toMatchObject({ code: ExitCode.ok, out: '' });
    }
    expect(await run('repair', join(dir, 'manifest'), '--truncate-at-first-bad')).toMatchObject({
      code: ExitCode.usage,
    });
    const applied = await run('repair', damaged[0] ?? '', '--skip-damaged', '--execute');
    expect(applied, applied.err).toMatchObject({ code: ExitCode.ok });
    expect(await run('verify', dir, '--deep')).toMatchObject({ code: ExitCode.ok });
  });

  it('changes nothing without --apply, and copies a damaged journal file away with it', async () => {
    using folder = scratch('repair');
    const dir = await writtenDirectory(folder.path);
    const file = damageJournal(dir);
    const damaged = readFileSync(file);
    const planned = await run('repair', dir);
    expect(planned.code).toBe(ExitCode.damaged);
    expect(readdirSync(dir)).not.toContain('repair');
    const applied = await run('repair', dir, '--apply', '--json');
    const summary = JSON.parse(applied.out.trimEnd().split('\n').at(-1) ?? '{}');
    expect(summary).toMatchObject({ kind: 'summary', applied: true });
    const kept = readdirSync(join(dir, 'repair'), { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    for (const one of kept) expect(readFileSync(join(one.parentPath ?? one.path, one.name)).equals(damaged)).toBe(true);
    await using log = await openLog(dir);
    expect(log.recovery.damage.length).toBeGreaterThan(0);
  });
});
