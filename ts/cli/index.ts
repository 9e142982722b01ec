#!/usr/bin/env node
/**
 * The `millrace` command: what package.json's `bin` names. Everything is in main.ts; this file only starts it.
 *
 * Invariant: nothing is loaded before the compile cache is on, and nothing the asked-for verb does not need, because
 * serve has to be up in 250 ms.
 */
import { mkdirSync } from 'node:fs';
import * as module from 'node:module';
import { join } from 'node:path';

/** Keeps compiled code for the next start, where Node can (22.8): in the user's own cache folder, never in a shared one. */
function keepCompiled(): void {
  if (!('enableCompileCache' in module) || typeof module.enableCompileCache !== 'function') return;
  const { HOME: home, XDG_CACHE_HOME: given, NODE_COMPILE_CACHE: chosen } = process.env;
  const caches = given || (home && join(home, '.cache'));
  if (chosen !== undefined || !caches) return;
  const folder = join(caches, 'millrace');
  if (isMade(caches) && isMade(folder)) module.enableCompileCache(folder);
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

keepCompiled();
void import('./main.ts').then(({ main }) => main(process.argv.slice(2)));
