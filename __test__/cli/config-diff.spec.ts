/** Promises of `config diff`: what differs in effect is shown, what differs in writing only is not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../ts/cli/main.ts';
import { scratch } from '../support/scratch.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch('config-diff');
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

async function diff(file: object, other: string): Promise<{ code: number; out: string }> {
  const [left, right] = [join(folder.path, 'a.json'), join(folder.path, 'b.properties')];
  writeFileSync(left, JSON.stringify(file));
  writeFileSync(right, other);
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough() };
  const code = await runCommandLine(['config', 'diff', left, right, '--format', 'json'], terminal);
  return { code, out };
}

it('finds no difference between two ways to write the same', async () => {
  const file = { log: { flush: { interval: { ms: 100 } }, dirs: '/data' }, num: { partitions: 3 } };
  const other = 'log.dirs=/data\nflush=interval=100ms\nnum.partitions=3\n';
  expect(await diff(file, other)).toEqual({ code: 0, out: '[]\n' });
});

it('shows what differs in effect, and ends with 1', async () => {
  vi.stubEnv('MILLRACE_NUM_PARTITIONS', '9');
  const { code, out } = await diff({ num: { partitions: 3 }, flush: 'os' }, 'flush=always\n');
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual([
    { name: 'flush', file: 'os', other: 'always' },
    { name: 'num.partitions', file: '3' },
  ]);
});

it('refuses a file with a setting that is none', async () => {
  expect((await diff({}, 'num.partitons=3\n')).code).toBe(2);
});
