/**
 * The setting `advertised.listeners`: what clients are told to connect to, with TLS and without.
 *
 * To remember: at most one address of each kind, because there is one broker.
 */

import { MillraceError } from '../errors.ts';

export interface Advertised {
  readonly plain: { readonly host: string; readonly port: number } | undefined;
  readonly tls: { readonly host: string; readonly port: number } | undefined;
}

/** Reads `PLAINTEXT://host:port,SSL://host:port`, either or both; SASL_ before a name changes nothing. Throws MILLRACE_OPTION. */
export function parseAdvertised(text: string): Advertised {
  const found: { plain?: { host: string; port: number }; tls?: { host: string; port: number } } = {};
  for (const listener of text.split(',').filter((one) => one.trim() !== '')) {
    const match = /^(?:SASL_)?(PLAINTEXT|SSL):\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/i.exec(listener.trim());
    const kind = match?.[1]?.toUpperCase() === 'SSL' ? 'tls' : 'plain';
    const host = match?.[2] ?? match?.[3];
    if (!match || host === undefined || found[kind] !== undefined) {
      const form = 'one address like PLAINTEXT://host:9092, one like SSL://host:9093, or both';
      throw new MillraceError('MILLRACE_OPTION', `advertised.listeners must be ${form}`);
    }
    found[kind] = { host, port: Number(match[4]) };
  }
  return { plain: found.plain, tls: found.tls };
}
