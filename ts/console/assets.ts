/**
 * The console's pages as they were built: three files, kept in memory as they travel, compressed beforehand.
 *
 * Not their making (ts/setup/console.mjs). To remember: a clone that has not been built has none; then one page says so,
 * and everything else is served as ever.
 */

import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';

const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
};

/** Nothing but our own files, no frame around us, no form elsewhere; plots draw on a canvas and set styles from script. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Headers of everything the console sends. */
export const guardingHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Three folders up from here in the sources, in what is compiled, and in the bundled command line alike. */
const folder = new URL('../../dist/console/assets/', import.meta.url);

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>Millrace</title>
<h1>The console has not been built</h1>
<p>The server runs; its pages are missing from this installation. In a clone, <code>npm ci</code> and
<code>npm run build</code> make them. Metrics are at <a href="/metrics">/metrics</a>, health at
<a href="/readyz">/readyz</a>.</p>
`;

/** The files of one console, read when they are first asked for. */
export class Assets {
  readonly #from: URL;
  readonly #files = new Map<string, Buffer>();

  constructor(from: URL = folder) {
    this.#from = from;
  }

  /** Whether there may be a file of this name. */
  has(name: string): boolean {
    return Object.hasOwn(types, name);
  }

  /** Sends a file; the page that says that there are none where they are missing. */
  async send(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = await this.#read(gzip ? `${name}.gz` : name);
    const headers = { ...guardingHeaders, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' };
    if (body === undefined) {
      response.writeHead(name === 'index.html' ? 503 : 404, { ...headers, 'Content-Type': 'text/html; charset=utf-8' });
      response.end(NOT_BUILT);
      return;
    }
    response.writeHead(200, {
      ...headers,
      'Content-Type': types[name],
      'Content-Length': body.length,
      ...(gzip ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #read(name: string): Promise<Buffer | undefined> {
    const known = this.#files.get(name);
    if (known) return known;
    try {
      const bytes = await readFile(fileURLToPath(new URL(name, this.#from)));
      this.#files.set(name, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  }
}
