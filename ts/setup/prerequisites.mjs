/**
 * What must be on the machine before anything is touched: Linux, Node, and for a build cargo and a C compiler.
 * It is not the installer of these; it says in one line what is missing. Only syntax that old Node versions parse.
 *
 * Invariant: every check here runs before the first write of a set-up.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A missing or too old tool, or a step that failed: its message is the one line a user sees. */
export class SetupError extends Error {}

/**
 * True when dotted version `have` is at least `want`; missing parts count as 0.
 * @param {string} have
 * @param {string} want
 * @returns {boolean}
 */
export function isAtLeast(have, want) {
  const left = have.split('.').map(Number);
  const right = want.split('.').map(Number);
  for (let i = 0; i < right.length; i++) {
    const difference = (left[i] || 0) - (right[i] || 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * Refuses any platform but Linux on x64 or arm64, and a Node older than package.json's `engines`.
 * @param {string} root the repository
 * @param {{ platform: string, arch: string, version: string }} [running] what to judge; this process by default
 */
export function checkNode(
  root,
  running = { platform: process.platform, arch: process.arch, version: process.versions.node },
) {
  if (running.platform !== 'linux') throw new SetupError(`millrace runs on Linux; this is ${running.platform}`);
  if (running.arch !== 'x64' && running.arch !== 'arm64') {
    throw new SetupError(`millrace runs on x64 and arm64; this is ${running.arch}`);
  }
  const floor = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  if (!isAtLeast(running.version, floor)) {
    throw new SetupError(`Node ${floor} or later is needed; this is ${running.version}: install a newer Node`);
  }
}

/**
 * Finds a cargo that can build this workspace and the environment it needs. The toolchain pinned in rust-toolchain.toml
 * is preferred; where rustup cannot provide it, an installed stable that is new enough will do.
 * @param {string} root
 * @returns {Record<string, string>} environment variables to add when cargo is run
 */
export function findCargo(root) {
  const floor = /^rust-version = "(.+)"$/m.exec(readFileSync(join(root, 'Cargo.toml'), 'utf8'))?.[1] ?? '0';
  let found = '';
  for (const extra of /** @type {Record<string, string>[]} */ ([{}, { RUSTUP_TOOLCHAIN: 'stable' }])) {
    const result = spawnSync('cargo', ['--version'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...extra },
    });
    const version = result.status === 0 ? /^cargo (\d+\.\d+\.\d+)/.exec(result.stdout)?.[1] : undefined;
    if (version === undefined) continue;
    if (isAtLeast(version, floor)) return extra;
    found = version;
  }
  if (found !== '')
    throw new SetupError(`Rust ${floor} or later is needed; cargo is ${found}: run rustup update stable`);
  throw new SetupError(`cargo was not found: install Rust stable (${floor} or later) and put cargo on PATH`);
}

/** Refuses when no C compiler is there: the linker and the zstd library need one. */
export function checkCompiler() {
  const compiler = process.env.CC ?? 'cc';
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0) {
    throw new SetupError(
      `no C compiler (${compiler}) was found: install gcc, for example with apt-get install build-essential`,
    );
  }
}
