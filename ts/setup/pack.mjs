/**
 * `npm run pack:all`: the packages as they are published, as tarballs in artifacts/packages: one for each binary in
 * artifacts/ (from `npm run build:targets`), and the main one, which names them as optional. Without binaries there the one
 * of this machine is taken, so that anybody can try what an installation is like; `--here FOLDER` takes that one whatever lies
 * in artifacts/, and packs into FOLDER. Publishes nothing.
 *
 * Invariant: every package has the version of package.json, and the main one depends on exactly that version of the others.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeBinary, releaseTargets } from './release-targets.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * Runs npm; answers what it printed.
 * @param {readonly string[]} args
 * @param {string} folder
 */
function npm(args, folder) {
  const { status, stdout, stderr } = spawnSync('npm', [...args, '--ignore-scripts', '--loglevel=error'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout.trim();
}

/**
 * Packs a folder; answers the path of the tarball.
 * @param {string} folder
 * @param {string} to
 */
function pack(folder, to) {
  return join(to, npm(['pack', '--pack-destination', to], folder).split('\n').at(-1) ?? '');
}

/**
 * What a platform's package is called, and what npm is told about it.
 * @param {string} file such as `millrace.linux-x64-gnu.node`
 */
function platformManifest(file) {
  const [, os = '', cpu = '', libc = ''] = /^millrace\.(\w+)-(\w+)-(\w+)\.node$/.exec(file) ?? [];
  const { version, license, repository, engines } = manifest;
  return {
    name: `${manifest.name}-${os}-${cpu}-${libc}`,
    version,
    description: `The addon of ${manifest.name} for ${os}, ${cpu}, ${libc === 'gnu' ? 'glibc 2.28 or later' : libc}`,
    license,
    repository,
    engines,
    os: [os],
    cpu: [cpu],
    libc: [libc === 'gnu' ? 'glibc' : libc],
    main: file,
    files: [file],
  };
}

/**
 * @param {string} from folder of the binaries
 * @param {string} to
 * @param {string} work
 */
function packPlatforms(from, to, work) {
  const found = releaseTargets.filter(({ file }) => existsSync(join(from, file)));
  return found.map((target) => {
    const problem = judgeBinary(readFileSync(join(from, target.file)), target);
    // What was built for this machine alone may need what this machine has; a release may not.
    if (problem !== undefined && from !== root) throw new Error(`${target.file}: ${problem}`);
    const own = platformManifest(target.file);
    const folder = join(work, own.name);
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
    writeFileSync(
      join(folder, 'README.md'),
      `# ${own.name}\n\n${own.description}. It is installed with \`${manifest.name}\`.\n`,
    );
    for (const [name, source] of [
      ['LICENSE', root],
      [target.file, from],
    ]) {
      copyFileSync(join(source ?? root, name ?? ''), join(folder, name ?? ''));
    }
    return pack(folder, to);
  });
}

/**
 * The main package, with the platforms' as optional ones: they are not in package.json of the repository, where npm would
 * look for them before they are published.
 * @param {string} to
 * @param {string} work
 */
function packMain(to, work) {
  const plain = pack(root, work);
  const { status } = spawnSync('tar', ['-xzf', plain, '-C', work]);
  if (status !== 0) throw new Error(`${plain} cannot be unpacked`);
  const folder = join(work, 'package');
  const names = releaseTargets.map(({ file }) => platformManifest(file).name);
  const { scripts: _scripts, devDependencies: _dev, overrides: _overrides, napi: _napi, ...published } = manifest;
  const optionalDependencies = Object.fromEntries(names.map((name) => [name, manifest.version]));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...published, optionalDependencies }, null, 2)}\n`);
  return pack(folder, to);
}

const artifacts = join(root, 'artifacts');
const here = process.argv[2] === '--here' ? process.argv[3] : undefined;
const packages = here ?? join(artifacts, 'packages');
const isRelease = here === undefined && releaseTargets.some(({ file }) => existsSync(join(artifacts, file)));
const work = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
try {
  if (here === undefined) rmSync(packages, { recursive: true, force: true });
  mkdirSync(packages, { recursive: true });
  const platforms = packPlatforms(isRelease ? artifacts : root, packages, work);
  if (platforms.length === 0)
    throw new Error('there is no binary: npm run build:targets, or npm run build:addon, makes one');
  packMain(packages, work);
  if (process.argv.includes('--all') && platforms.length < releaseTargets.length) {
    throw new Error(`only ${platforms.length} of ${releaseTargets.length} platforms are built`);
  }
  for (const name of readdirSync(packages)) process.stdout.write(`${join(packages, name)}\n`);
} catch (error) {
  process.stderr.write(`millrace: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
