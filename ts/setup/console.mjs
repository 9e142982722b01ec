/**
 * Bundles the console's pages into dist/console/assets: a page, a script, a style sheet, each also compressed as it
 * travels. Preact and uPlot are in it; nothing is fetched from anywhere when it runs.
 *
 * Invariant: the package needs none of them at run time; a clone whose dependencies are older gets no console and is told.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const libraries = ['preact', 'uplot'];

/**
 * @param {string} root the repository
 * @param {string} outDir where `console/assets` is made
 * @returns {Promise<boolean>} false: dependencies are missing, and nothing was made
 */
export async function bundleConsole(root, outDir) {
  const missing = libraries.filter((name) => !existsSync(join(root, 'node_modules', name)));
  if (missing.length > 0) {
    process.stderr.write(`millrace: the console is left out: npm ci brings ${missing.join(', ')}\n`);
    return false;
  }
  const folder = join(outDir, 'console/assets');
  mkdirSync(folder, { recursive: true });
  const licences = libraries.map((name) => {
    return `With ${name}, under this licence:\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`;
  });
  await build({
    absWorkingDir: root,
    entryPoints: { app: 'ts/console/browser/main.tsx' },
    bundle: true,
    outdir: folder,
    format: 'esm',
    // The first that know light-dark(), with which the style sheet names its colours.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    legalComments: 'none',
    banner: { js: `/*! ${licences.join('\n').replaceAll('*/', '* /')} */` },
    logLevel: 'warning',
  });
  copyFileSync(join(root, 'ts/console/browser/index.html'), join(folder, 'index.html'));
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  }
  return true;
}
