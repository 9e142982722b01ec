/**
 * The embedded stores that `kv/package-lock.json` pins, installed once into `.cache/`; better-sqlite3 is compiled there, the
 * others bring what they need.
 *
 * Not in the package and never run at install. Invariant: what is measured is what the lock file says.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installPinned } from '../../__test__/support/pinned-packages.ts';

/** A path that `createRequire` takes. Rejects with what npm complained of. */
export async function installKvStores(): Promise<string> {
  const manifest = await installPinned(join(import.meta.dirname, 'kv'), 'kv-rivals');
  const folder = join(dirname(manifest), 'node_modules/better-sqlite3');
  const built = join(folder, 'build/Release/better_sqlite3.node');
  if (existsSync(built)) return manifest;
  process.stderr.write(`compiling better-sqlite3 in ${folder}\n`);
  const { status, signal } = spawnSync('npm', ['run', 'build-release'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0 || !existsSync(built)) throw new Error(`npm run build-release ended with ${status ?? signal}`);
  return manifest;
}
