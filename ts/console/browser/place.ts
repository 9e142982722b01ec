/**
 * Where in the console one is: a path and a query behind the # of the address, so that every place can be linked to.
 *
 * Not history of what was shown. To remember: whatever a page can be set to show is in its place, and changing it does
 * not fill the list of the back button with every key that was typed.
 */

import { useEffect, useState } from 'preact/hooks';

export interface Place {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** The place an address names. */
export function parsePlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; empty values are left out. */
export function linkTo(
  path: readonly string[],
  query: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

/** The current place, followed. */
export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = (): void => setHash(location.hash);
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return parsePlace(hash);
}

export function go(link: string): void {
  location.hash = link;
}

/** Changes what the place says of `changed` and stays; `undefined` or '' removes a name. */
export function setQuery(changed: Readonly<Record<string, string | number | undefined>>): void {
  const { path, query } = parsePlace(location.hash);
  history.replaceState(null, '', linkTo(path, { ...Object.fromEntries(query), ...changed }));
  dispatchEvent(new HashChangeEvent('hashchange'));
}
