/** Promises of `millrace kv import --bitcask`: what the files say is what the store holds, and never anything else. */

import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { type BitcaskRest, bitcaskWrites } from '../../ts/cli/bitcask-directory.ts';
import type { SizeForm } from '../../ts/cli/bitcask-record.ts';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { Random } from '../support/random.ts';
import { scratch } from '../support/scratch.ts';

async function kv(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const stdin = new PassThrough();
  stdin.end();
  const code = await runCommandLine(['kv', ...argv], { stdin, stdout: sink('out'), stderr: sink('err') });
  return { code, ...text };
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const [PUT, DELETE, END] = [0, 1, 2];

/** A record as the format says, by other code than the one that reads it. */
function record(type: number, batch: number, key: string, value = '', form: SizeForm = 'zigzag'): Buffer {
  const fullKey = Buffer.concat([varint(batch), Buffer.from(key)]);
  const size = (bytes: Buffer): Buffer => varint(form === 'zigzag' ? bytes.length * 2 : bytes.length);
  const content = Buffer.from(value);
  const rest = Buffer.concat([Buffer.from([type]), size(fullKey), size(content), fullKey, content]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(rest));
  return Buffer.concat([crc, rest]);
}

function directory(path: string, files: readonly (readonly Buffer[])[]): string {
  mkdirSync(path);
  for (const [index, records] of files.entries()) {
    writeFileSync(`${path}/${String(index).padStart(9, '0')}.data`, Buffer.concat(records));
  }
  writeFileSync(`${path}/hint-index`, 'not looked at');
  return path;
}

/** What a reader of the directory ends up with; the error's exit code when there is one. */
async function stateOf(dir: string): Promise<{ map: Map<string, string>; rest: BitcaskRest } | number> {
  const map = new Map<string, string>();
  const rest = { tornBytes: 0, unfinished: 0 };
  try {
    for await (const { key, value } of bitcaskWrites(dir, rest)) {
      if (value) map.set(String(key), String(value));
      else map.delete(String(key));
    }
  } catch (error) {
    return (error as { exitCode: number }).exitCode;
  }
  return { map, rest };
}

test.each(['zigzag', 'unsigned'] as const)(
  'files are read in their order, batches whole or not at all (%s)',
  async (form) => {
    using place = scratch('bitcask');
    const long = 'v'.repeat(3_000_000);
    const of = (type: number, batch: number, key: string, value = ''): Buffer => record(type, batch, key, value, form);
    const from = directory(`${place.path}/old`, [
      [of(PUT, 0, 'a', '1'), of(PUT, 0, 'b', '2'), of(PUT, 7, 'a', 'in a batch'), of(PUT, 300, 'never', 'x')],
      [of(DELETE, 7, 'b'), of(END, 7, 'txn-fin'), of(PUT, 0, 'long', long), of(PUT, 0, 'empty'), Buffer.alloc(5000)],
      [of(PUT, 0, 'z', 'last'), of(PUT, 0, 'gone', '1'), of(DELETE, 0, 'gone')],
    ]);
    const dir = ['--dir', `${place.path}/data`];
    expect(await kv(['import', '--bitcask', from, ...dir])).toEqual({
      code: ExitCode.ok,
      out: '',
      err: '9 records, 4 keys\n1 records of batches without an end were left out\n',
    });
    expect((await kv(['scan', '--keys', ...dir])).out).toBe('a\nempty\nlong\nz\n');
    expect((await kv(['get', 'a', ...dir])).out).toBe('in a batch\n');
    expect((await kv(['get', 'long', ...dir])).out).toBe(`${long}\n`);
  },
);

test('a torn end of the newest file is left out and told, one of another file is damage', async () => {
  using place = scratch('bitcask');
  const last = record(PUT, 0, 'torn', 'x'.repeat(100));
  const from = directory(`${place.path}/old`, [[record(PUT, 0, 'a', '1')], [record(PUT, 0, 'b', '2'), last]]);
  truncateSync(`${from}/000000001.data`, record(PUT, 0, 'b', '2').length + last.length - 1);
  const dir = ['--dir', `${place.path}/data`];
  expect((await kv(['import', '--bitcask', from, ...dir])).err).toBe(
    `2 records, 2 keys\n${last.length - 1} bytes behind the last whole record were left out\n`,
  );
  truncateSync(`${from}/000000000.data`, 9);
  const refused = await kv(['import', '--bitcask', from, '--dir', `${place.path}/other`]);
  expect(refused).toMatchObject({ code: ExitCode.damaged });
  expect(refused.err).toContain('000000000.data at 0: ');
  // Nothing is begun before everything was looked at.
  expect(await kv(['scan', '--dir', `${place.path}/other`])).toMatchObject({ code: ExitCode.notFound });
});

test('a directory without data files, or none at all, is told as such', async () => {
  using place = scratch('bitcask');
  const dir = ['--dir', `${place.path}/data`];
  expect(await kv(['import', '--bitcask', place.path, ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect(await kv(['import', '--bitcask', `${place.path}/no`, ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect(await kv(['import', 'file', '--bitcask', place.path, ...dir])).toMatchObject({ code: ExitCode.usage });
});

test('a bit that flipped anywhere is never a wrong value: it is damage, or the end', async () => {
  using place = scratch('bitcask');
  const records = Array.from({ length: 8 }, (_, index) =>
    record(index === 5 ? DELETE : PUT, 0, `k${index % 6}`, `v${index}`),
  );
  const states: [string, string][][] = [[]];
  const map = new Map<string, string>();
  for (let index = 0; index < records.length; index += 1) {
    if (index === 5) map.delete('k5');
    else map.set(`k${index % 6}`, `v${index}`);
    states.push([...map]);
  }
  const from = directory(`${place.path}/old`, [records]);
  const file = `${from}/000000000.data`;
  const whole = readFileSync(file);
  const lastAt = whole.length - (records.at(-1) as Buffer).length;
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const flipped = Buffer.from(whole);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    writeFileSync(file, flipped);
    const found = await stateOf(from);
    if (bit >> 3 < lastAt) expect(found, `bit ${bit}`).toBe(ExitCode.damaged);
    else expect(typeof found === 'number' ? found : [...found.map], `bit ${bit}`).toEqual(states.at(-2));
  }
});

test('hostile bytes end quickly, whatever sizes they claim', async () => {
  using place = scratch('bitcask');
  const chance = new Random(3);
  const from = directory(`${place.path}/old`, [[]]);
  const file = `${from}/000000000.data`;
  for (let round = 0; round < 200; round += 1) {
    const bytes = Buffer.from(Array.from({ length: chance.between(0, 300) }, () => chance.between(0, 255)));
    if (round % 2 === 0) bytes.fill(255, Math.min(5, bytes.length), Math.min(15, bytes.length));
    writeFileSync(file, bytes);
    const found = await stateOf(from);
    expect(typeof found === 'number' || (found.map.size === 0 && found.rest.tornBytes === bytes.length)).toBe(true);
  }
});
