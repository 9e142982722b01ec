/** Promises of the set-up: what is stale is found, what is fresh costs nothing, a missing tool is one clear line. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstDifference } from '../../ts/setup/dependencies.mjs';
import { addonFile } from '../../ts/setup/prepare.mjs';
import { checkNode, findCargo, isAtLeast, SetupError } from '../../ts/setup/prerequisites.mjs';
import { isFresh, listFiles, writeStamp } from '../../ts/setup/stamp.mjs';

const repository = join(import.meta.dirname, '../..');
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-setup-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('prerequisites', () => {
  it.each([
    ['20.17.0', '20.17', true],
    ['20.9.0', '20.17', false],
    ['22.0.0', '20.17', true],
    ['1.88.0', '1.88', true],
    ['1.87.9', '1.88', false],
  ])('version %s against floor %s: %s', (have, want, enough) => {
    expect(isAtLeast(have, want)).toBe(enough);
  });

  it('an old Node, another system and another processor are refused in one line each', () => {
    const good = { platform: 'linux', arch: 'x64', version: '20.20.2' };
    expect(() => checkNode(repository, good)).not.toThrow();
    for (const wrong of [{ version: '18.20.0' }, { platform: 'darwin' }, { arch: 'ia32' }]) {
      expect(() => checkNode(repository, { ...good, ...wrong })).toThrow(SetupError);
      expect(() => checkNode(repository, { ...good, ...wrong })).toThrow(/^[^\n]+$/);
    }
  });

  it('a cargo that is missing or too old is refused in one line that says what to do', () => {
    writeFileSync(join(root, 'Cargo.toml'), 'rust-version = "9.99"\n');
    expect(() => findCargo(root)).toThrow(/^Rust 9\.99 or later is needed; cargo is .+rustup update stable$/);
    const path = process.env.PATH;
    process.env.PATH = root;
    try {
      expect(() => findCargo(root)).toThrow(/^cargo was not found: install Rust stable/);
    } finally {
      process.env.PATH = path;
    }
  });

  it('the addon is named after processor and C library', () => {
    expect(addonFile('arm64', true)).toBe('millrace.linux-arm64-musl.node');
    expect(addonFile('x64', false)).toBe('millrace.linux-x64-gnu.node');
  });
});

describe('stamps', () => {
  const build = () => ({ stamp: 'stamp.json', inputs: listFiles(root, ['src', 'one.txt']), output: 'out' });

  beforeEach(() => {
    mkdirSync(join(root, 'src/deep'), { recursive: true });
    for (const file of ['src/a', 'src/deep/b', 'one.txt', 'out']) writeFileSync(join(root, file), file);
    writeStamp(root, build());
  });

  it('a build is fresh until a source changes', () => {
    expect(isFresh(root, build())).toBe(true);
    writeFileSync(join(root, 'src/deep/b'), 'other');
    expect(isFresh(root, build())).toBe(false);
  });

  it('a source that was touched but not changed does not make it stale', () => {
    utimesSync(join(root, 'src/a'), 1, 1);
    expect(isFresh(root, build())).toBe(true);
  });

  it('a source that was added or removed makes it stale', () => {
    writeFileSync(join(root, 'src/c'), '');
    expect(isFresh(root, build())).toBe(false);
    rmSync(join(root, 'src/c'));
    expect(isFresh(root, build())).toBe(true);
    rmSync(join(root, 'src/a'));
    expect(isFresh(root, build())).toBe(false);
  });

  it('an output that is gone or was replaced makes it stale', () => {
    writeFileSync(join(root, 'out'), 'a debug build of somebody else');
    expect(isFresh(root, build())).toBe(false);
    rmSync(join(root, 'out'));
    expect(isFresh(root, build())).toBe(false);
  });

  it('a stamp that is damaged makes it stale', () => {
    writeFileSync(join(root, 'stamp.json'), '{"quick":');
    expect(isFresh(root, build())).toBe(false);
  });
});

describe('dependencies', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/b': { version: '1.0.0', optional: true },
    },
  };

  it('another platform’s optional package may be absent, any other may not', () => {
    expect(firstDifference(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBeUndefined();
    expect(firstDifference(lock, { packages: {} })).toBe('node_modules/a');
  });

  it('another version is a difference', () => {
    const installed = { packages: { 'node_modules/a': { version: '1.0.1' } } };
    expect(firstDifference(lock, installed)).toBe('node_modules/a');
  });
});
