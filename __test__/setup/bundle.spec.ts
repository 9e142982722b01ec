/** Promises of the built library: entries share their classes, an import opens few files, declarations are whole. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { './package.json': _own, ...named } = manifest.exports as Record<string, { types: string; default: string }>;

vi.setConfig({ testTimeout: 60_000 });

describe('the built library', () => {
  it('has every class and function once, whichever entries export it', () => {
    const files = Object.values(named).map((entry) => join(root, entry.default));
    const program = `
      const seen = new Map();
      const twice = [];
      for (const file of ${JSON.stringify(files)}) {
        for (const [name, value] of Object.entries(await import(file))) {
          if (name === 'default' || typeof value !== 'function') continue;
          if (seen.has(name) && seen.get(name) !== value) twice.push(name + ' of ' + file);
          seen.set(name, value);
        }
      }
      const { MillraceError } = await import(${JSON.stringify(join(root, 'dist/index.js'))});
      const { startTestBroker } = await import(${JSON.stringify(join(root, 'dist/testing/index.js'))});
      const error = await startTestBroker({ settings: { 'no.such.setting': '1' } }).catch((e) => e);
      console.log(JSON.stringify({ twice, count: seen.size, isOurs: error instanceof MillraceError, is: String(error) }));
      process.exit(0);`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    const { twice, count, isOurs, is } = JSON.parse(output);
    expect(twice).toEqual([]);
    expect(count).toBeGreaterThan(10);
    expect([isOurs, is]).toEqual([true, is]);
  });

  it('is in files so few that an import does not spend its time on opening them', () => {
    const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
    expect(files.length).toBeLessThan(80);
  });

  it('has every declaration that an entry leads to, and no other', () => {
    const needed = new Set(Object.values(named).map((entry) => join(root, entry.types)));
    for (const file of needed) {
      const text = readFileSync(file, 'utf8');
      for (const [, path = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
        needed.add(resolve(dirname(file), path.replace(/\.[jt]s$/, '.d.ts')));
      }
    }
    expect([...needed].filter((file) => !existsSync(file))).toEqual([]);
    const there = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.d.ts'));
    expect(there.map((path) => join(dist, path)).filter((file) => !needed.has(file))).toEqual([]);
  });
});
