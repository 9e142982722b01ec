#!/usr/bin/env node
/**
 * The `millrace` command: what package.json's `bin` names. Everything is in main.ts; this file only starts it.
 *
 * Invariant: nothing is loaded before the compile cache is on, and nothing the asked-for verb does not need, because
 * serve has to be up in 250 ms.
 */
import * as module from 'node:module';
import { join } from 'node:path';

/** Keeps compiled code for the next start, where Node can (22.8): in the user's own cache folder, never in a shared one. */
function keepCompiled(): void {
  if (!('enableCompileCache' in module) || typeof module.enableCompileCache !== 'function') return;
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const { HOME: home, XDG_CACHE_HOME: caches = home && join(home, '.cache') } = process.env;
  // A folder that cannot be written is told by the status it returns and costs no more than the time it would have saved.
  if (caches) module.enableCompileCache(join(caches, 'millrace'));
}

keepCompiled();
void import('./main.ts').then(({ main }) => main(process.argv.slice(2)));
