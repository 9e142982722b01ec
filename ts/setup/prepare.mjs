/**
 * Brings a clone to the state in which it can serve: dependencies, native addon, compiled TypeScript, in that order.
 * It is not the server and not the tests; both call it first.
 *
 * Invariant: what is needed is found out, and its tools are checked, before the first change is made.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dependenciesAreFresh } from './dependencies.mjs';
import { checkCompiler, checkNode, findCargo, SetupError } from './prerequisites.mjs';
import { isFresh, listFiles, writeStamp } from './stamp.mjs';

/**
 * File name of the addon for this machine, as ts/io/native.ts looks for it.
 * @param {string} [arch]
 * @param {boolean} [musl]
 * @returns {string}
 */
export function addonFile(arch = process.arch, musl = isMusl()) {
  return `millrace.linux-${arch}-${musl ? 'musl' : 'gnu'}.node`;
}

/** @returns {boolean} whether this system's C library is musl */
function isMusl() {
  try {
    return readFileSync('/usr/bin/ldd', 'utf8').includes('musl');
  } catch {
    return existsSync('/lib/ld-musl-x86_64.so.1') || existsSync('/lib/ld-musl-aarch64.so.1');
  }
}

/**
 * @param {string} root
 * @returns {import('./stamp.mjs').Build}
 */
function addonBuild(root) {
  // The addon reads the digest of its boundary from ts/io.
  const files = ['Cargo.toml', 'Cargo.lock', 'rust-toolchain.toml', 'ts/io/boundary.ts', 'crates'];
  const inputs = listFiles(root, files, (path) => {
    return (path.endsWith('.rs') || path.endsWith('.toml')) && !/^crates\/[^/]+\/(tests|benches|examples)\//.test(path);
  });
  return { stamp: '.cache/setup/addon.json', inputs, output: addonFile() };
}

/**
 * @param {string} root
 * @returns {import('./stamp.mjs').Build}
 */
function compiledBuild(root) {
  const files = [
    'ts',
    'tsconfig.json',
    'tsconfig.build.json',
    'ts/setup/compile.mjs',
    'ts/setup/bundle.mjs',
    'ts/setup/bundle-library.mjs',
    'ts/setup/console.mjs',
  ];
  const inputs = listFiles(root, files, (path) => /\.(tsx?|css|html)$/.test(path));
  return { stamp: '.cache/setup/dist.json', inputs, output: 'dist/cli/index.js' };
}

/**
 * Runs a command with its output on this process's stderr, so that progress is seen and stdout stays data.
 * @param {string} root
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} [extra] environment
 */
function run(root, what, command, args, extra = {}) {
  process.stderr.write(`millrace: ${what}\n`);
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env: { ...process.env, ...extra } });
  if (result.status !== 0) {
    const how = result.error?.message ?? (result.signal === null ? `exit code ${result.status}` : result.signal);
    throw new SetupError(`${what}: failed (${how}); run again: ${[command, ...args].join(' ')}`);
  }
}

/** Scripts of packages are not run: none that is used needs them, and newer npm refuses them anyway. */
const npmInstall = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/**
 * Does what is missing and nothing else; silent when nothing is.
 * @param {string} root the repository
 * @throws {SetupError} with one line for the user; a missing or too old tool is found before anything is touched
 */
export function prepare(root) {
  checkNode(root);
  const install = !dependenciesAreFresh(root);
  const addon = addonBuild(root);
  const buildAddon = !isFresh(root, addon);
  const compiled = compiledBuild(root);
  const compile = !isFresh(root, compiled);
  /** @type {Record<string, string>} */
  let cargo = {};
  if (buildAddon) {
    cargo = findCargo(root);
    checkCompiler();
  }
  if (install) run(root, 'installing dependencies', 'npm', npmInstall);
  if (buildAddon) {
    run(
      root,
      'building the native addon (release; minutes the first time)',
      'npm',
      ['run', '--silent', 'build:addon'],
      cargo,
    );
    writeStamp(root, addon);
  }
  if (compile) {
    run(root, 'compiling TypeScript', process.execPath, ['ts/setup/compile.mjs']);
    writeStamp(root, compiled);
  }
}
