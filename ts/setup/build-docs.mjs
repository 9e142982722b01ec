/**
 * `npm run docs`: the documentation as a static site in `site/`: README, guides, reference and formats from docs, and the
 * public API from its docstrings. TypeDoc makes it; it needs a TypeScript with an API, so it has a manifest of its own in
 * docs/site.
 *
 * Invariant: a site with a link that leads nowhere is not left behind as done: the command fails and names the links.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokenLinks } from './site-links.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache');
const pages = join(cache, 'site-pages');
const site = join(root, 'site');

/** Groups of pages in the order of the menu, by folder below docs. */
const groups = { '': 'Guides', reference: 'Reference', wire: 'Reference', format: 'Formats', decisions: 'Decisions' };
/** Pages of docs itself that are for those who work on Millrace. */
const internals = new Set(['ARCHITECTURE.md', 'HACKING.md', 'RELEASING.md', 'STYLE.md', 'conformance.md', 'proofs.md']);

/** Installs TypeDoc as docs/site pins it, once; answers its folder. */
function installTools() {
  const manifests = join(root, 'docs/site');
  const digest = createHash('sha256')
    .update(readFileSync(join(manifests, 'package-lock.json')))
    .digest('hex');
  const folder = join(cache, `site-tools-${digest.slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(manifests, name), join(fresh, name));
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: fresh,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('npm ci of docs/site failed');
  renameSync(fresh, folder);
  return folder;
}

/** Copies all pages, each with its title and group in front, which would be in the way on a page that is read as it is. */
function stagePages() {
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages, { recursive: true });
  copyFileSync(join(root, 'README.md'), join(pages, 'README.md'));
  cpSync(join(root, 'packaging'), join(pages, 'packaging'), { recursive: true });
  for (const name of readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.md') || name.includes('node_modules')) continue;
    const text = readFileSync(join(root, 'docs', name), 'utf8');
    const folder = dirname(name) === '.' ? '' : dirname(name);
    const group = internals.has(name) ? 'Inside' : (groups[/** @type {keyof typeof groups} */ (folder)] ?? 'Guides');
    const title = /^# (.+)$/m.exec(text)?.[1] ?? basename(name, '.md');
    mkdirSync(dirname(join(pages, 'docs', name)), { recursive: true });
    writeFileSync(join(pages, 'docs', name), `---\ntitle: ${JSON.stringify(title)}\ngroup: ${group}\n---\n\n${text}`);
  }
}

/** Entries of the package, as its `exports` name them. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const sources = Object.values(exports).flatMap((/** @type {{ types?: string }} */ { types }) => {
    return types === undefined ? [] : [types.replace('./dist/', 'ts/').replace(/\.d\.ts$/, '.ts')];
  });
  // Set-up files of test runners are named in a setting, not imported.
  return sources.filter((source) => !/\/(vitest|jest-\w+)\.ts$/.test(source)).map((source) => join(root, source));
}

/** @param {string} tools */
function build(tools) {
  const out = `${site}.new`;
  rmSync(out, { recursive: true, force: true });
  const options = join(cache, 'typedoc.json');
  const documents = ['docs/*.md', 'docs/reference/*.md', 'docs/wire/*.md', 'docs/format/*.md', 'docs/decisions/*.md'];
  writeFileSync(
    options,
    JSON.stringify({
      name: 'Millrace',
      entryPoints: entries(),
      displayBasePath: join(root, 'ts'),
      tsconfig: join(root, 'tsconfig.json'),
      projectDocuments: documents.map((pattern) => join(pages, pattern)),
      readme: join(pages, 'README.md'),
      out,
      disableGit: true,
      disableSources: true,
      excludeInternal: true,
      // The types were checked by the TypeScript of the project; this one is another.
      skipErrorChecking: true,
      // What is public names what is not; links are checked below.
      validation: { notExported: false, invalidLink: false, rewrittenLink: false },
      navigation: { includeGroups: true },
      logLevel: 'Warn',
    }),
  );
  const program = join(tools, 'node_modules/typedoc/bin/typedoc');
  const { status } = spawnSync(process.execPath, [program, '--options', options], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('TypeDoc failed');
  const broken = brokenLinks(out);
  if (broken.length > 0) throw new Error(`links lead nowhere:\n  ${broken.join('\n  ')}`);
  rmSync(site, { recursive: true, force: true });
  renameSync(out, site);
}

try {
  const tools = installTools();
  stagePages();
  build(tools);
  process.stdout.write(`millrace: the site is in ${site}\n`);
} catch (error) {
  process.stderr.write(`millrace: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
