/**
 * The version of this package, read from its package.json once.
 *
 * Invariant: there is one place a version is written, and this is not it. The file lies one folder above this one, or two
 * where this one is part of the bundled command line.
 */
import { existsSync, readFileSync } from 'node:fs';

function manifestUrl(): URL {
  const above = new URL('../package.json', import.meta.url);
  return existsSync(above) ? above : new URL('../../package.json', import.meta.url);
}

/** Such as `0.1.0`. */
export const version: string = (JSON.parse(readFileSync(manifestUrl(), 'utf8')) as { version: string }).version;
