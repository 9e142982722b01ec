/**
 * Links of a folder of HTML pages that lead nowhere: to a file that is not there, or to a place that its page does not have.
 * Links to other sites are not followed.
 *
 * Invariant: every `href` and `src` of every page is looked at, generated or not.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * @param {string} folder of the site
 * @returns {string[]} `page: link` for each link that is broken
 */
export function brokenLinks(folder) {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  /** @type {Map<string, Set<string>>} */
  const known = new Map();
  return pages.flatMap((page) => {
    const text = readFileSync(join(folder, page), 'utf8');
    const links = [...text.matchAll(/\s(?:href|src)="([^"]*)"/g)].map((match) => plainText(match[1] ?? ''));
    return [...new Set(links)]
      .filter((link) => !leadsSomewhere(folder, page, link, known))
      .map((link) => `${page}: ${link}`);
  });
}

/**
 * @param {string} folder
 * @param {string} page
 * @param {string} link
 * @param {Map<string, Set<string>>} known ids by file, as far as they were asked for
 */
function leadsSomewhere(folder, page, link, known) {
  if (/^[a-z][a-z+.-]*:|^\/\//i.test(link)) return true;
  const [path = '', place = ''] = link.split('#', 2);
  const target =
    path === '' ? join(folder, page) : resolve(folder, dirname(page), decodeURIComponent(path.split('?')[0] ?? ''));
  if (relative(folder, target).startsWith('..') || !existsSync(target)) return false;
  const file = statSync(target).isDirectory() ? join(target, 'index.html') : target;
  if (!existsSync(file)) return false;
  return place === '' || !file.endsWith('.html') || idsOf(file, known).has(decodeURIComponent(place));
}

/**
 * @param {string} file
 * @param {Map<string, Set<string>>} known
 */
function idsOf(file, known) {
  const found = known.get(file);
  if (found !== undefined) return found;
  const ids = new Set(
    [...readFileSync(file, 'utf8').matchAll(/\s(?:id|name)="([^"]*)"/g)].map((match) => plainText(match[1] ?? '')),
  );
  known.set(file, ids);
  return ids;
}

/** @param {string} text */
function plainText(text) {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
