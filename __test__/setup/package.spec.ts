/** Promises of the package: what is in it, and what is not. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

describe('the package', () => {
  it('holds the built code, its sources and four texts, and nothing else', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], {
      cwd: root,
      encoding: 'utf8',
    });
    const packed = JSON.parse(output);
    const listed: { files: { path: string }[] } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
    const paths = listed.files.map((file) => file.path);
    const tops = [...new Set(paths.map((path) => path.split('/')[0]))].sort();
    expect(tops).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json', 'ts']);
    expect(paths.filter((path) => /setup|generator|schemas|\.node$|\.spec\./.test(path))).toEqual([]);
    expect(paths).toEqual(
      expect.arrayContaining(['dist/cli/index.js', 'dist/index.js', 'dist/index.d.ts', 'ts/index.ts']),
    );
  });

  it('runs no script when it is installed', () => {
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
      expect(manifest.scripts).not.toHaveProperty(script);
  });

  it('starts and tests in the place of the shell npm runs, so that SIGTERM to npm reaches them', () => {
    expect(manifest.scripts.start).toMatch(/^exec node /);
    expect(manifest.scripts.test).toMatch(/^exec node /);
  });

  it('pins every dependency to one version', () => {
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });

  it('has a lock file that names every optional package of every platform, or npm ci would refuse it', () => {
    const lock: { packages: Record<string, { version?: string; optionalDependencies?: Record<string, string> }> } =
      JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const missing = Object.entries(lock.packages).flatMap(([path, entry]) => {
      const known = (name: string) =>
        lock.packages[`${path}/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`];
      return Object.keys(entry.optionalDependencies ?? {}).filter((name) => known(name)?.version === undefined);
    });
    expect(missing).toEqual([]);
  });

  it('names a command that is built and executable by node', () => {
    const command = readFileSync(join(root, manifest.bin.millrace), 'utf8');
    expect(command.startsWith('#!/usr/bin/env node\n')).toBe(true);
  });
});
