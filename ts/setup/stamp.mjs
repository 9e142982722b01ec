/**
 * Tells whether something built is still what its sources would build. Two digests are kept: a quick one over paths,
 * sizes and modification times, and one over contents, so that a touched but unchanged tree is not built again.
 *
 * Invariant: a stamp is written only after the build it vouches for has succeeded, and names the output's own state.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Every file under `paths` (files or folders below `root`) that `wanted` accepts, sorted.
 * @param {string} root
 * @param {readonly string[]} paths
 * @param {(path: string) => boolean} wanted
 * @returns {string[]} paths relative to `root`
 */
export function listFiles(root, paths, wanted = () => true) {
  /** @type {string[]} */
  const files = [];
  /** @param {string} path */
  const visit = (path) => {
    for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
      if (entry.name === 'target' || entry.name === 'node_modules') continue;
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory()) visit(child);
      else if (wanted(child)) files.push(child);
    }
  };
  for (const path of paths) {
    const status = statSync(join(root, path), { throwIfNoEntry: false });
    if (status?.isDirectory()) visit(path);
    else if (status !== undefined) files.push(path);
  }
  return files.sort();
}

/**
 * Size and modification time of each path, '-' where it does not exist.
 * @param {string} root
 * @param {readonly string[]} files
 * @returns {string}
 */
function quickDigest(root, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const status = statSync(join(root, file), { throwIfNoEntry: false });
    hash.update(`${file}\0${status === undefined ? '-' : `${status.size}:${status.mtimeMs}`}\n`);
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {readonly string[]} files
 * @returns {string}
 */
function contentDigest(root, files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

/**
 * @typedef {object} Build
 * @property {string} stamp where the stamp lies, relative to the root
 * @property {readonly string[]} inputs every source file, relative to the root
 * @property {string} output the file whose size and time show that nobody else has replaced it
 */

/**
 * True when `build.output` was built from exactly these inputs and has not been replaced since.
 * @param {string} root
 * @param {Build} build
 * @returns {boolean}
 */
export function isFresh(root, build) {
  /** @type {{ quick?: string, content?: string, output?: string }} */
  let stamp;
  try {
    stamp = JSON.parse(readFileSync(join(root, build.stamp), 'utf8'));
  } catch {
    return false;
  }
  if (stamp.output !== quickDigest(root, [build.output])) return false;
  if (stamp.quick === quickDigest(root, build.inputs)) return true;
  if (stamp.content !== contentDigest(root, build.inputs)) return false;
  writeStamp(root, build);
  return true;
}

/**
 * Records that `build.output` is what `build.inputs` build. Call after success only.
 * @param {string} root
 * @param {Build} build
 */
export function writeStamp(root, build) {
  const path = join(root, build.stamp);
  mkdirSync(dirname(path), { recursive: true });
  const stamp = {
    quick: quickDigest(root, build.inputs),
    content: contentDigest(root, build.inputs),
    output: quickDigest(root, [build.output]),
  };
  writeFileSync(`${path}.new`, JSON.stringify(stamp));
  renameSync(`${path}.new`, path);
}
