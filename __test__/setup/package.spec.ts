/** Promises of the package: what is in it, and what is not. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { scratch } from '../support/scratch.ts';

const root = join(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// npm takes seconds to start on a busy machine, and two of them are run.
vi.setConfig({ testTimeout: 180_000 });

function npm(...args: string[]): string {
  const all = [...args, '--ignore-scripts', '--loglevel=error'];
  return execFileSync('npm', all, { cwd: root, encoding: 'utf8' });
}

interface Packed {
  readonly files: readonly { readonly path: string }[];
  /** Bytes of the tarball. */
  readonly size: number;
  /** Bytes of the files. */
  readonly unpackedSize: number;
}

let listing: Packed | undefined;
/** What npm would publish; asked once. */
function packed(): Packed {
  if (listing === undefined) {
    const output = JSON.parse(npm('pack', '--dry-run', '--json'));
    listing = (Array.isArray(output) ? output[0] : Object.values(output)[0]) as Packed;
  }
  return listing;
}

/** What can be imported without a package of others. */
const entries = ['kafka', 'server', 'kv', 'testing', 'metrics', 'otel', 'io', 'unstorage'].map(
  (name) => `millrace/${name}`,
);

describe('the package', () => {
  it('can be imported by the names that are promised, types first', () => {
    const { './package.json': own, ...named } = manifest.exports as Record<string, Record<string, string>>;
    expect(own).toBe('./package.json');
    const promised = [
      '.',
      './kafka',
      './kv',
      './server',
      './testing',
      './io',
      './metrics',
      './otel',
      './level',
      './keyv',
    ];
    expect(Object.keys(named)).toEqual(expect.arrayContaining(promised));
    for (const [name, conditions] of Object.entries(named)) {
      expect([name, Object.keys(conditions)]).toEqual([name, ['types', 'default']]);
      for (const path of Object.values(conditions)) expect(readFileSync(join(root, path), 'utf8')).not.toBe('');
    }
  });

  it('holds the built code, four texts and what a server is set up with, and nothing else', () => {
    const paths = packed().files.map((file) => file.path);
    const tops = [...new Set(paths.map((path) => path.split('/')[0]))].sort();
    expect(tops).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'dashboards', 'dist', 'package.json', 'packaging']);
    expect(paths.filter((path) => /(^|\/)(ts|dist)\/setup\/|generator|schemas|\.node$|\.spec\./.test(path))).toEqual(
      [],
    );
    const strange = paths.filter((path) => !/^(dist\/.+\.(js|d\.ts)|(dashboards|packaging)\/[^/]+|[^/]+)$/.test(path));
    expect(strange.filter((path) => !path.startsWith('dist/console/assets/'))).toEqual(['dist/cli/package.json']);
    const assets = ['index.html', 'app.css', 'app.js'].flatMap((name) => [name, `${name}.gz`]);
    expect(
      paths.filter((path) => path.startsWith('dist/console/assets/')).map((path) => path.split('/').at(-1)),
    ).toEqual(expect.arrayContaining(assets));
    expect(paths.filter((path) => path.startsWith('dist/cli/')).sort()).toEqual([
      'dist/cli/index.js',
      'dist/cli/main.js',
      'dist/cli/package.json',
    ]);
    expect(paths).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']));
  });

  it('stays below 1.5 MB as it travels and 5 MB where it lies, and needs no other package at run time', () => {
    expect(packed().size).toBeLessThan(1_500_000);
    expect(packed().unpackedSize).toBeLessThan(5_000_000);
    expect(manifest.dependencies).toBeUndefined();
  });

  it('points to no map and no source that it does not hold', () => {
    const pointing = packed().files.filter(({ path }) => {
      return /\.(js|d\.ts)$/.test(path) && /^\/\/# sourceMappingURL=/m.test(readFileSync(join(root, path), 'utf8'));
    });
    expect(pointing).toEqual([]);
  });

  it('is installed without network and scripts, with the package of this platform, and used as a command and as a module', () => {
    using folder = scratch('package');
    // Not from artifacts/, where binaries for other machines may lie, or old ones.
    const packing = [join(root, 'ts/setup/pack.mjs'), '--here', join(folder.path, 'packages')];
    const tarballs = execFileSync(process.execPath, packing, { encoding: 'utf8' }).trim().split('\n');
    expect(tarballs.map((path) => basename(path))).toEqual(
      expect.arrayContaining([`millrace-${manifest.version}.tgz`, expect.stringMatching(/^millrace-linux-/)]),
    );
    const where = [
      '--prefix',
      folder.path,
      '--cache',
      join(folder.path, 'cache'),
      '--offline',
      '--no-audit',
      '--no-fund',
    ];
    npm('install', ...where, ...tarballs);
    const installed = JSON.parse(readFileSync(join(folder.path, 'node_modules/millrace/package.json'), 'utf8'));
    expect(Object.values(installed.optionalDependencies)).toEqual(Array(4).fill(manifest.version));
    expect(Object.keys(installed)).not.toContain('scripts');
    const command = join(folder.path, 'node_modules/.bin/millrace');
    expect(execFileSync(command, ['--version'], { encoding: 'utf8' })).toBe(`${manifest.version}\n`);
    const program = `import { openLog } from 'millrace';
      for (const entry of ${JSON.stringify(entries)}) {
        if (Object.keys(await import(entry)).length === 0) throw new Error(entry + ' has nothing');
      }
      const log = await openLog('data');
      const topic = await log.topic('t', { partitions: 1 });
      console.log((await topic.append([{ value: Buffer.from('x') }], { durability: 'durable' })).level);
      await log.close();`;
    const file = join(folder.path, 'program.mjs');
    writeFileSync(file, program);
    expect(execFileSync(process.execPath, [file], { cwd: folder.path, encoding: 'utf8' })).toBe('durable\n');
  }, 180_000);

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
