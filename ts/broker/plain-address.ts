/**
 * The one form of an address in which peers are known.
 *
 * To remember: a socket of both families shows IPv4 peers as IPv6 addresses; told, compared and counted is IPv4.
 */

const MAPPED = '::ffff:';

/** IPv4 on a socket of both families in its own form; any other address as it is. */
export function plainAddress(address: string): string {
  const isMapped = address.startsWith(MAPPED) && address.includes('.');
  return isMapped ? address.slice(MAPPED.length) : address;
}
