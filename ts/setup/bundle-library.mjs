/**
 * Bundles what programs import: one file for each name in `exports` of package.json, and what several of them need in files
 * that they share (dist/shared). An import then opens a few files in place of hundreds. Lines and names stay, so that a stack
 * trace can be read; comments go, declarations keep them.
 *
 * Invariant: a class is in one file only, so that an error of one entry is an instance of the class that another exports.
 * Files shared lie as deep below the package as sources do, whose paths to the addon and to assets are relative.
 */
import { readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

/** What a declaration imports: its own files by relative path. */
const imported = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

/**
 * @param {string} root the repository
 * @returns {string[]} paths of the entries below dist, without their ending
 */
function entriesOf(root) {
  /** @type {{ exports: Record<string, string | { default: string }> }} */
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((target) => {
    return typeof target === 'string' ? [] : [target.default.replace(/^\.\/dist\/|\.js$/g, '')];
  });
}

/**
 * @param {string} root the repository
 * @param {string} outDir dist or what becomes it, with the declarations in it
 */
export async function bundleLibrary(root, outDir) {
  const entries = entriesOf(root);
  /** @type {Record<string, string[]>} */
  const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((entry) => `ts/${entry}.ts`),
    bundle: true,
    splitting: true,
    outbase: 'ts',
    outdir: outDir,
    chunkNames: 'shared/[name]-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node20.17',
    external: Object.keys(peerDependencies ?? {}),
    logLevel: 'warning',
  });
  pruneDeclarations(
    outDir,
    entries.map((entry) => join(outDir, `${entry}.d.ts`)),
  );
}

/**
 * Removes declarations that no entry leads to.
 * @param {string} outDir
 * @param {readonly string[]} entries
 */
function pruneDeclarations(outDir, entries) {
  const needed = new Set(entries);
  for (const file of needed) {
    for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(imported)) {
      needed.add(resolve(dirname(file), path.replace(/\.[jt]s$/, '.d.ts')));
    }
  }
  const all = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.d.ts'));
  const missing = [...needed].filter((file) => !all.includes(relative(outDir, file)));
  if (missing.length > 0) throw new Error(`declarations lead to what is not there: ${missing.join(', ')}`);
  const unused = all.map((path) => join(outDir, path)).filter((file) => !needed.has(file));
  for (const file of unused) rmSync(file);
  removeEmpty(outDir);
}

/** @param {string} folder */
function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
