/**
 * The platforms the addon is released for, and what a binary for each must be. Looks at bytes only; building is
 * build-targets.mjs.
 *
 * Invariant: this list, `napi.targets` in package.json and the names ts/io/native.ts looks for are the same four.
 */

/**
 * @typedef {object} ReleaseTarget
 * @property {string} triple as Rust names it
 * @property {string} file as ts/io/native.ts looks for it
 * @property {string | undefined} glibc newest version of glibc it may need; undefined for musl
 */

/**
 * What Node 20 itself needs. Linked against an older one, `statx` and `pwritev2` would be left without a version, and be
 * missed only when they are called.
 */
const glibcFloor = '2.28';

/** @type {readonly ReleaseTarget[]} */
export const releaseTargets = [
  { triple: 'x86_64-unknown-linux-gnu', file: 'millrace.linux-x64-gnu.node', glibc: glibcFloor },
  { triple: 'aarch64-unknown-linux-gnu', file: 'millrace.linux-arm64-gnu.node', glibc: glibcFloor },
  { triple: 'x86_64-unknown-linux-musl', file: 'millrace.linux-x64-musl.node', glibc: undefined },
  { triple: 'aarch64-unknown-linux-musl', file: 'millrace.linux-arm64-musl.node', glibc: undefined },
];

/** `e_machine` of an ELF header, by the first part of a triple. */
const machines = /** @type {Record<string, number>} */ ({ x86_64: 62, aarch64: 183 });

/**
 * The newest version of glibc whose symbols `binary` asks for, such as `2.17`; undefined when it asks for none.
 * @param {Buffer} binary
 * @returns {string | undefined}
 */
export function newestGlibc(binary) {
  const versions = [...binary.toString('latin1').matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => {
    return [Number(major), Number(minor)];
  });
  versions.sort(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d);
  return versions.at(-1)?.join('.');
}

/**
 * What is wrong with `binary` as the addon for `target`, or undefined.
 * @param {Buffer} binary
 * @param {ReleaseTarget} target
 * @returns {string | undefined}
 */
export function judgeBinary(binary, { triple, glibc }) {
  if (binary.length < 64 || binary.readUInt32BE(0) !== 0x7f454c46) return 'it is no ELF file';
  if (binary.readUInt16LE(18) !== machines[triple.split('-')[0] ?? '']) return 'it is for another processor';
  const needs = newestGlibc(binary);
  if (glibc === undefined) return needs === undefined ? undefined : `it needs glibc ${needs}, and is meant for musl`;
  if (needs === undefined) return undefined;
  const [major = 0, minor = 0] = needs.split('.').map(Number);
  const [mostMajor = 0, mostMinor = 0] = glibc.split('.').map(Number);
  const fits = major < mostMajor || (major === mostMajor && minor <= mostMinor);
  return fits ? undefined : `it needs glibc ${needs}, newer than ${glibc}`;
}
