/** Loading the addon: where it is looked for, and what an error says. */

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { detectLibC, loadNative, platformName, platformPackage } from '../../ts/io/native.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

async function load(nativePath: string): Promise<{ code?: string; message?: string; version?: string }> {
  const program = `
    import { loadNative } from './ts/io/native.ts';
    try { console.log(JSON.stringify({ version: loadNative().version() })); }
    catch (error) { console.log(JSON.stringify({ code: error.code, message: error.message })); }
  `;
  const env = { ...process.env, MILLRACE_NATIVE_PATH: nativePath };
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: root,
    env,
  });
  return JSON.parse(stdout) as { code?: string };
}

describe('loading the addon', () => {
  test('the platform names package and build', () => {
    expect(detectLibC()).toBe('gnu');
    expect(platformName('musl')).toBe(`linux-${process.arch}-musl`);
    expect(platformPackage('linux-x64-gnu')).toBe('millrace-linux-x64-gnu');
  });

  test('what is loaded is of our own version', () => {
    expect(loadNative().version()).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('an explicit path is taken, and nothing else, when it is given', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-native-'));
    const copy = join(dir, 'copy.node');
    await copyFile(join(root, `millrace.${platformName()}.node`), copy);
    expect(await load(copy)).toEqual({ version: loadNative().version() });
    await rm(dir, { recursive: true });
  });

  test('a missing addon is one error that names the place, the C library and the ways out', async () => {
    const { code, message } = await load('/nowhere/millrace.node');
    expect(code).toBe('MILLRACE_NATIVE_MISSING');
    const words = [
      '/nowhere/millrace.node',
      'glibc',
      'MILLRACE_NATIVE_PATH',
      'optional dependencies',
      'package-lock.json',
    ];
    for (const word of words) expect(message).toContain(word);
    expect(message?.split('\n')).toHaveLength(1);
  });

  test('one that was cut short, is for another processor or is none is an error with the ways out, and ends no process', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-native-'));
    const whole = await readFile(join(root, `millrace.${platformName()}.node`));
    const foreign = Buffer.from(whole);
    foreign.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
    const files: readonly (readonly [string, Uint8Array, RegExp])[] = [
      ['short', whole.subarray(0, 200_000), /damaged: 200000 bytes of \d+ are there/],
      ['foreign', foreign, /for another processor, (arm64|x64)/],
      ['none', Buffer.from('<html>not found</html>'.repeat(9)), /damaged: it does not begin as a library/],
      ['empty', Buffer.alloc(0), /damaged/],
    ];
    for (const [name, bytes, why] of files) {
      const file = join(dir, `${name}.node`);
      await writeFile(file, bytes);
      const { code, message } = await load(file);
      expect([name, code]).toEqual([name, 'MILLRACE_NATIVE_MISSING']);
      expect(message).toMatch(why);
      expect(message).toContain('install again');
    }
    const script = join(dir, 'addon.js');
    await writeFile(script, 'module.exports = {};');
    expect(await load(script)).toMatchObject({
      code: 'MILLRACE_NATIVE_MISSING',
      message: expect.stringContaining('it is no addon of millrace'),
    });
    await rm(dir, { recursive: true });
  });

  test('an addon of our version that was built from other sources is refused, and one that says nothing of them too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-native-'));
    for (const boundary of ["exports.boundary = () => 'other';", '']) {
      const other = join(dir, `other-${boundary.length}.cjs`);
      await writeFile(other, `exports.version = () => '${loadNative().version()}'; ${boundary}`);
      const { code, message } = await load(other);
      expect(code).toBe('MILLRACE_NATIVE_VERSION');
      expect(message).toContain('built from other sources');
      expect(message).toContain('build:addon');
    }
    await rm(dir, { recursive: true });
  });

  test('an addon of another version is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-native-'));
    const other = join(dir, 'other.cjs');
    await writeFile(other, "exports.version = () => '0.0.0-other';");
    const { code, message } = await load(other);
    expect(code).toBe('MILLRACE_NATIVE_VERSION');
    expect(message).toContain('0.0.0-other');
    await rm(dir, { recursive: true });
  });
});
