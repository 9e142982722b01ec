/**
 * Which requests the console hears at all: those that a person's browser makes from the console's own pages.
 *
 * Not who the person is (sessions.ts). To remember: a page of some other site may make a browser on this machine send
 * anything here, under any name that it has pointed at this address; what tells them apart is the name in Host, and what
 * the browser says about where a request comes from.
 */

import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Why a request is not heard, in words for whoever made it; undefined: it is. */
export function refusalOf(request: IncomingMessage): string | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || !isOwnName(nameIn(host))) {
    return `the console is asked for by an address, by localhost or by this machine's name, not as ${printable(host)}`;
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    return 'a page of another site may not use the console';
  }
  // Browsers say where a request comes from; a link on another site may open the console, and nothing more.
  const site = request.headers['sec-fetch-site'];
  const opensPage = request.method === 'GET' && request.headers['sec-fetch-mode'] === 'navigate';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !opensPage) {
    return 'a page of another site may not use the console';
  }
  return undefined;
}

/** Host without its port. */
function nameIn(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  return bracketed?.[1] ?? host.replace(/:\d+$/, '');
}

/** A name in DNS can be pointed anywhere by whoever owns it; an address and these names cannot. */
function isOwnName(name: string): boolean {
  const plain = name.toLowerCase();
  return (
    isIP(plain) !== 0 || plain === 'localhost' || plain.endsWith('.localhost') || plain === hostname().toLowerCase()
  );
}

function printable(text: string | undefined): string {
  return (text ?? 'nothing').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
