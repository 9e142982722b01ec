/** Promises of `config diff`: what differs in effect is shown, what differs in writing only is not. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runCommandLine } from '../../ts/cli/main.ts';
import { startTestBroker } from '../../ts/testing/index.ts';
import { scratch } from '../support/scratch.ts';

/** Settings a test broker decides for itself. */
const ABOUT_THE_MACHINE = new Set([
  'log.dirs',
  'listeners',
  'group.initial.rebalance.delay.ms',
  'group.min.session.timeout.ms',
]);

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch('config-diff');
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

function diff(file: object, other: string): Promise<{ code: number; out: string }> {
  const right = join(folder.path, 'b.properties');
  writeFileSync(right, other);
  return diffWith(file, [right]);
}

async function diffWith(file: object, others: readonly string[]): Promise<{ code: number; out: string }> {
  const left = join(folder.path, 'a.json');
  writeFileSync(left, JSON.stringify(file));
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const terminal = { stdin: new PassThrough(), stdout, stderr: new PassThrough() };
  const code = await runCommandLine(['config', 'diff', left, ...others, '--format', 'json'], terminal);
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

it('shows where a running server is not what a file would make of it', async () => {
  await using broker = await startTestBroker();
  const address = broker.bootstrapServers;
  const listeners = { kafka: address, log: { dirs: 'elsewhere' } };
  const names = async (file: object) => {
    const { code, out } = await diffWith(file, ['--brokers', address]);
    const found = (JSON.parse(out) as { name: string }[]).filter(({ name }) => !ABOUT_THE_MACHINE.has(name));
    return { code, found };
  };
  expect((await names(listeners)).found).toEqual([]);
  const { code, found } = await names({ ...listeners, num: { partitions: 3 } });
  expect(code).toBe(1);
  expect(found).toEqual([{ name: 'num.partitions', file: '3', other: '1' }]);
});

it('refuses a file with a setting that is none', async () => {
  expect((await diff({}, 'num.partitons=3\n')).code).toBe(2);
});
