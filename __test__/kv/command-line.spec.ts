/** Promises of `millrace kv`: what is put is got, a missing key has its exit code, and an export can be imported. */

import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { ExitCode } from '../../ts/cli/exit.ts';
import { runCommandLine } from '../../ts/cli/main.ts';
import { scratch } from '../support/scratch.ts';

async function kv(argv: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const text = { out: '', err: '' };
  const sink = (name: 'out' | 'err') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += String(chunk);
        done();
      },
    });
  const stdin = new PassThrough();
  stdin.end(input);
  const code = await runCommandLine(['kv', ...argv], { stdin, stdout: sink('out'), stderr: sink('err') });
  return { code, ...text };
}

test('keys are put, got, scanned and deleted, with exit codes a script can use', async () => {
  using place = scratch('kv-cli');
  const dir = ['--dir', `${place.path}/data`];
  expect(await kv(['get', 'a', ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect(await kv(['put', 'a', 'one', ...dir])).toEqual({ code: ExitCode.ok, out: '', err: '' });
  expect(await kv(['put', 'b', '-', ...dir], 'from stdin')).toMatchObject({ code: ExitCode.ok });
  expect(await kv(['put', 'a', 'two', '--if-absent', ...dir])).toMatchObject({ code: ExitCode.failure });
  expect(await kv(['get', 'a', ...dir])).toEqual({ code: ExitCode.ok, out: 'one\n', err: '' });
  expect((await kv(['scan', ...dir])).out).toBe('a\tone\nb\tfrom stdin\n');
  expect((await kv(['scan', '--keys', '--reverse', '--limit', '1', ...dir])).out).toBe('b\n');
  const shown = JSON.parse((await kv(['get', 'b', '--format', 'json', ...dir])).out);
  expect(shown).toMatchObject({ key: 'b', value: 'from stdin' });
  expect((await kv(['del', 'a', 'b', 'c', ...dir])).out).toBe('2\n');
  expect(await kv(['get', 'a', ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect(await kv(['scan', '--store', 'other', ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect(await kv(['put', 'zz', '1', '--encoding', 'hex', ...dir])).toMatchObject({ code: ExitCode.usage });
  expect(await kv(['put', '00ff', 'ff0a', '--hex', ...dir])).toMatchObject({ code: ExitCode.ok });
  expect((await kv(['scan', '--prefix', '00', '--hex', ...dir])).out).toBe('00ff\tff0a\n');
  const wide = (await kv(['scan', '--hex', '--format', 'wide', ...dir])).out;
  expect(wide).toMatch(/^00ff\tff0a\t\d+\t-\n$/);
});

test('an export of one store is imported as another, bytes and expiry and all', async () => {
  using place = scratch('kv-cli');
  const dir = ['--dir', `${place.path}/data`];
  const file = `${place.path}/export.ndjson`;
  await kv(['put', '00ff', 'ff0a', '--encoding', 'hex', ...dir]);
  await kv(['put', 'short', 'x', '--ttl', '3600000', ...dir]);
  expect(await kv(['export', file, ...dir])).toMatchObject({ code: ExitCode.ok, err: '2 keys\n' });
  expect(await kv(['import', file, '--store', 'copy', ...dir])).toMatchObject({ code: ExitCode.ok, err: '2 keys\n' });
  const [bytes, short] = (await kv(['scan', '--store', 'copy', '--encoding', 'hex', '--format', 'json', ...dir])).out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(bytes).toMatchObject({ key: '00ff', value: 'ff0a' });
  expect(short.expiresMs).toBeGreaterThan(Date.now());
  expect(await kv(['import', '--store', 'copy', ...dir], '{"k":1}\n')).toMatchObject({ code: ExitCode.damaged });
});

test('stats name every store, and merge ends', async () => {
  using place = scratch('kv-cli');
  const dir = ['--dir', `${place.path}/data`];
  await kv(['put', 'k', 'v', ...dir]);
  await kv(['put', 'k', 'v', '--store', 'users', ...dir]);
  const stats = JSON.parse((await kv(['stats', '--format', 'json', ...dir])).out) as { store: string; keys: number }[];
  expect(stats.map(({ store, keys }) => [store, keys])).toEqual([
    ['default', 1],
    ['users', 1],
  ]);
  expect(await kv(['merge', ...dir])).toMatchObject({ code: ExitCode.ok, err: 'default is merged\n' });
  expect((await kv(['get', 'k', ...dir])).out).toBe('v\n');
});

test('changes of a store go to a topic from the moment they are told to, and are printed from there', async () => {
  using place = scratch('kv-cli');
  const dir = ['--dir', `${place.path}/data`];
  await kv(['put', 'before', '0', ...dir]);
  expect(await kv(['watch', ...dir])).toMatchObject({ code: ExitCode.notFound });
  expect((await kv(['feed', '--topic', 'changes', ...dir])).err).toBe('the changes of default go to changes\n');
  await kv(['put', 'a', 'one', ...dir]);
  await kv(['put', 'b', 'two', '--ttl', '3600000', ...dir]);
  await kv(['del', 'a', ...dir]);
  expect(await kv(['watch', ...dir])).toEqual({
    code: ExitCode.ok,
    out: 'put\ta\tone\nput\tb\ttwo\ndel\ta\n',
    err: '',
  });
  const [line = ''] = (await kv(['watch', '--prefix', 'b', '--format', 'json', '-n', '1', ...dir])).out.split('\n');
  const change = JSON.parse(line);
  expect(change).toMatchObject({ type: 'put', key: 'b', value: 'two' });
  expect(change.expiresMs).toBeGreaterThan(Date.now());
  expect((await kv(['watch', '--from', change.position, ...dir])).out).toBe('del\ta\n');
  expect((await kv(['feed', '--off', ...dir])).err).toBe('the changes of default go to no topic\n');
});
