/** Promises of the documentation's links: the site's are checked by what builds it, those of the pages here. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { brokenLinks } from '../../ts/setup/site-links.mjs';
import { scratch } from '../support/scratch.ts';

const root = join(import.meta.dirname, '../..');

it('a link of the site to a page or a place that is not there is found', () => {
  using site = scratch('site');
  const page = (name: string, text: string) => {
    mkdirSync(dirname(join(site.path, name)), { recursive: true });
    writeFileSync(join(site.path, name), text);
  };
  page('index.html', '<a href="guides/one.html#two">1</a> <a href="guides/">2</a> <a id="top" href="#top">3</a>');
  page('guides/index.html', '<a href="../index.html">1</a> <a href="https://example.com/x">2</a> <img src="no.png">');
  page(
    'guides/one.html',
    '<h2 id="two">2</h2> <a href="#three">3</a> <a href="gone.html">4</a> <a href="../../x">5</a>',
  );
  expect(brokenLinks(site.path).sort()).toEqual([
    'guides/index.html: no.png',
    'guides/one.html: #three',
    'guides/one.html: ../../x',
    'guides/one.html: gone.html',
  ]);
});

/** What a heading is called in a link. */
function slug(heading: string): string {
  const text = heading.replaceAll(/`|\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
}

/** Names of all headings of a page. */
function places(page: string): Set<string> {
  const text = readFileSync(page, 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return new Set([...text.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? '')));
}

it('a link of a page to a heading finds it', () => {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
    .map((name) => join(root, 'docs', name));
  const pages = [join(root, 'README.md'), join(root, 'examples/README.md'), ...docs];
  const links = pages.flatMap((page) => {
    const found = readFileSync(page, 'utf8').matchAll(/\]\(([^):#]*)#([^)]+)\)/g);
    return [...found].map((match) => ({
      page,
      target: resolve(dirname(page), match[1] || page),
      place: match[2] ?? '',
    }));
  });
  expect(links.length).toBeGreaterThan(2);
  const broken = links.filter(({ target, place }) => !existsSync(target) || !places(target).has(place));
  expect(broken.map(({ page, place }) => `${relative(root, page)}: #${place}`)).toEqual([]);
});
