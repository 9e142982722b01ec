/**
 * `npm run build:addon`: builds the native addon and puts it where ts/io/native.ts looks. `--debug` builds without
 * optimisation for release; all other arguments go to the napi command line, such as `--target`.
 *
 * Invariant: the file is replaced by a rename, never written in place, because a running process has it mapped.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const fresh = join(root, '.cache/addon');
const [given, debug] = [process.argv.slice(2), process.argv.includes('--debug')];

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const args = ['build', '--platform', '--manifest-path', 'crates/addon/Cargo.toml', '--output-dir', fresh];
args.push('--no-js', '--dts', join(fresh, 'addon.d.ts'), ...(debug ? [] : ['--release', '--strip']));
args.push(...given.filter((argument) => argument !== '--debug'));
const { status } = spawnSync(join(root, 'node_modules/.bin/napi'), args, { cwd: root, stdio: 'inherit' });
if (status === 0) {
  for (const name of readdirSync(fresh).filter((entry) => entry.endsWith('.node'))) {
    renameSync(join(fresh, name), join(root, name));
  }
}
process.exitCode = status ?? 1;
