/**
 * The version of this package, read from its package.json once.
 *
 * Invariant: there is one place a version is written, and this is not it.
 */
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

/** Such as `0.1.0`. */
export const version: string = manifest.version;
