/** Loading the addon: where it is looked for, and what an error says. */

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
    for (const word of ['/nowhere/millrace.node', 'glibc', 'MILLRACE_NATIVE_PATH', 'optional dependencies']) {
      expect(message).toContain(word);
    }
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
