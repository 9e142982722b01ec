/**
 * Readers of option values that several verbs share: whole numbers, `key=value`, `host:port`, choices. Values only; what
 * an option is called and does stands in program.ts.
 *
 * Invariant: a wrong value is a usage error that names the value and what would be right.
 */
import { InvalidArgumentError } from 'commander';

/** A reader of whole numbers from `least` to `most`, for commander. */
export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < least || value > most) {
      const bounds = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(`It must be a whole number, ${bounds}.`);
    }
    return value;
  };
}

/** Collects repeated `key=value` options into a map; the last of a key wins. */
export function keyValue(text: string, previous: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be KEY=VALUE.');
  return new Map([...(previous ?? []), [text.slice(0, at), text.slice(at + 1)]]);
}

/** Collects repeated values into a list. */
export function list(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), text];
}

/** Where a server listens or is found. Port 0 lets the system choose. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `HOST:PORT`, `[IPV6]:PORT`, or `:PORT` for the loopback address. */
export function address(text: string): Address {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):(\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === '' || number > 65_535) throw new InvalidArgumentError('It must be HOST:PORT.');
  return { host: host === '' ? '127.0.0.1' : host.replace(/^\[|\]$/g, ''), port: number };
}

/** `host:port`, with brackets round an IPv6 address. */
export function formatAddress(at: Address): string {
  return at.host.includes(':') ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`;
}
