/**
 * Node dependencies: whether node_modules is what package-lock.json asks for. Judged from npm's own record of what it
 * installed, so a tree made by a plain `npm install` is left in peace.
 *
 * Invariant: never reports fresh when a required package is missing or of another version.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean }} LockedPackage
 * @typedef {{ packages: Record<string, LockedPackage> }} LockFile
 */

/**
 * Names the first package of `wanted` that `installed` lacks or has in another version; undefined when all is there.
 * Optional packages may be absent: they are other platforms' binaries.
 * @param {LockFile} wanted
 * @param {LockFile} installed
 * @returns {string | undefined}
 */
export function firstDifference(wanted, installed) {
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '') continue;
    const have = installed.packages[path];
    if (have === undefined ? !entry.optional : have.version !== entry.version || have.integrity !== entry.integrity) {
      return path;
    }
  }
  return undefined;
}

/**
 * True when there is nothing to install.
 * @param {string} root
 * @returns {boolean}
 */
export function dependenciesAreFresh(root) {
  try {
    const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const installed = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'));
    return firstDifference(wanted, installed) === undefined;
  } catch {
    return false;
  }
}
