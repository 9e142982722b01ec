#!/usr/bin/env node
/**
 * The `millrace` command: what package.json's `bin` names. Everything is in main.ts; this file only starts it.
 * Bundled it is a CommonJS file beside main.js; run from its source it keeps no compiled code.
 *
 * Invariant: nothing is loaded before compiled code is at hand, and nothing the asked-for verb does not need, because
 * serve has to be up in 250 ms.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireCompiled } from './compiled-file.ts';

/** The user's own folder for compiled code, made if need be; undefined where there is none, or Node was told another. */
function codeFolder(): string | undefined {
  const { HOME: home, XDG_CACHE_HOME: given, NODE_COMPILE_CACHE: chosen } = process.env;
  const caches = given || (home && join(home, '.cache'));
  if (chosen !== undefined || !caches) return undefined;
  const folder = join(caches, 'millrace');
  return isMade(caches) && isMade(folder) ? folder : undefined;
}

/** Makes one folder, but none above it: a home that does not exist is no place for a cache. */
function isMade(folder: string): boolean {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EEXIST';
  }
}

/** Loads main.ts with compiled code of ours, which has what a start needs and is read faster than Node's own (22.8). */
async function load(): Promise<typeof import('./main.ts')> {
  const folder = codeFolder();
  if (folder !== undefined && typeof __dirname === 'string') {
    const short = process.argv[2] !== 'serve';
    const kept = { folder, kind: short ? 'verb' : 'serve', short };
    return requireCompiled(join(__dirname, 'main.js'), kept, require) as typeof import('./main.ts');
  }
  return import('./main.ts');
}

void load().then(({ main }) => main(process.argv.slice(2)));
