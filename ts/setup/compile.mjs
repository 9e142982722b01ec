/**
 * `npm run build`: declares ts in dist, bundles the library, the command line and the console's pages. The new
 * tree is made beside the old one and takes its place whole, so that a server started meanwhile never finds half of it.
 *
 * Invariant: a compile that fails leaves dist as it was.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleCommandLine } from './bundle.mjs';
import { bundleLibrary } from './bundle-library.mjs';
import { bundleConsole } from './console.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const fresh = join(root, 'dist.new');
const old = join(root, 'dist.old');

/** @returns {Promise<number>} exit code */
async function compile() {
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const args = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', fresh];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) return status ?? 1;
  await bundleLibrary(root, fresh);
  await bundleCommandLine(root, fresh);
  await bundleConsole(root, fresh);
  rmSync(old, { recursive: true, force: true });
  try {
    renameSync(join(root, 'dist'), old);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
  renameSync(fresh, join(root, 'dist'));
  rmSync(old, { recursive: true, force: true });
  return 0;
}

process.exitCode = await compile();
