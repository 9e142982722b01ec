/**
 * Bundles the command line into two files: dist/cli/index.js, which only has compiled code at hand, and
 * dist/cli/main.js with everything else. A start then opens two files in place of a hundred and fifty. What programs import
 * is bundled by bundle-library.mjs.
 *
 * Invariant: dist/cli is CommonJS by its own package.json, whose loader starts sooner than that of ES modules; nothing
 * outside Node itself is left to be found at run time but the addon.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** `import.meta.url` as a CommonJS file has it. */
const ownUrl = "const bundleUrl = require('node:url').pathToFileURL(__filename).href;";

/**
 * @param {string} root the repository
 * @param {string} outDir where `cli` is made, dist or what becomes it
 */
export async function bundleCommandLine(root, outDir) {
  const folder = join(outDir, 'cli');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
  const licences = ['commander', 'js-yaml'].map((name) => {
    return `With ${name}, under this licence:\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}`;
  });
  /** @type {import('esbuild').BuildOptions} */
  const common = {
    absWorkingDir: root,
    bundle: true,
    outdir: folder,
    platform: 'node',
    format: 'cjs',
    target: 'node20.17',
    define: { 'import.meta.url': 'bundleUrl' },
    // Names stay, so that a stack trace can be read; comments and white space need not be parsed at each start.
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
  };
  await build({
    ...common,
    entryPoints: ['ts/cli/main.ts'],
    banner: { js: `/*! ${licences.join('\n')}*/\n${ownUrl}` },
  });
  await build({
    ...common,
    entryPoints: ['ts/cli/index.ts'],
    plugins: [besides],
    supported: { 'dynamic-import': false },
  });
}

/**
 * Leaves main.js a file of its own, loaded with `require` with the code that was kept of it.
 * @type {import('esbuild').Plugin}
 */
const besides = {
  name: 'main stays besides',
  setup(builder) {
    builder.onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: './main.js', external: true }));
  },
};
