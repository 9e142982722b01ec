/**
 * `npm run build:targets`: builds the addon for every platform it is released for, one after the other, into artifacts/,
 * and checks each. zig links for all four, so one machine is enough; it and cargo-zigbuild come from PyPI
 * (`pip install ziglang cargo-zigbuild`), and `rustup target add` brings the targets. Targets to build may be named.
 *
 * Invariant: a binary that needs a newer glibc than the floor, or glibc at all where it is for musl, is an error.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeBinary, releaseTargets } from './release-targets.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const out = join(root, 'artifacts');

/**
 * @param {import('./release-targets.mjs').ReleaseTarget} target
 * @returns {string | undefined} what is wrong
 */
function build({ triple, file, glibc }) {
  process.stderr.write(`millrace: building ${triple}\n`);
  const versioned = glibc === undefined ? triple : `${triple}.${glibc}`;
  const args = ['build', '--platform', '--release', '--strip', '--no-js', '--cross-compile', '--target', versioned];
  args.push('--manifest-path', 'crates/addon/Cargo.toml', '--output-dir', out, '--dts', 'addon.d.ts');
  const { status } = spawnSync(join(root, 'node_modules/.bin/napi'), args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) return `the build ended with ${status}`;
  const path = join(out, file);
  const problem = judgeBinary(readFileSync(path), { triple, file, glibc });
  if (problem === undefined) process.stdout.write(`${file} ${statSync(path).size} bytes\n`);
  return problem;
}

mkdirSync(out, { recursive: true });
const named = process.argv.slice(2);
for (const target of releaseTargets.filter(({ triple }) => named.length === 0 || named.includes(triple))) {
  const problem = build(target);
  if (problem !== undefined) {
    process.stderr.write(`millrace: ${target.triple}: ${problem}\n`);
    process.exitCode = 1;
  }
}
