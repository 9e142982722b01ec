/**
 * Where a server may listen: what others can reach has to know who they are, and hide what is said.
 *
 * A decision only, before anything is opened. To remember: the loopback address is for everybody on this machine;
 * everything else needs a login or client certificates, over TLS, or one explicit word that it shall be open.
 */

import { MillraceError } from '../errors.ts';

/** One address that is to be listened on. */
export interface Binding {
  /** As its flag is called: `kafka`, `redis-tls`... */
  readonly name: string;
  readonly host: string;
  readonly isTls: boolean;
  /** Clients have to show who they are, by a password or a certificate. */
  readonly knowsClients: boolean;
  /** What to do about it, for the message. */
  readonly remedy: string;
}

/** Whether only this machine reaches an address. */
export function isLoopback(host: string): boolean {
  const plain = host.replace(/^::ffff:/i, '');
  return plain === 'localhost' || plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** Throws MILLRACE_OPTION for the first address that others would reach as they like. */
export function assertBindings(bindings: readonly Binding[], insecure: boolean): void {
  if (insecure) return;
  for (const { name, host, isTls, knowsClients, remedy } of bindings) {
    if (isLoopback(host) || (isTls && knowsClients)) continue;
    const lack = isTls ? 'without knowing who they are' : 'without TLS';
    throw new MillraceError(
      'MILLRACE_OPTION',
      `${name}: other machines would reach ${host} ${lack}; ${remedy}, or say --insecure when everybody on that network may do everything`,
    );
  }
}
