/**
 * Names of those who ask, in Kafka's form: `User:alice`.
 *
 * To remember: what a certificate says is the whole distinguished name, as RFC 2253 writes it, and nothing is mapped.
 */

/** `Type:name`. */
export type Principal = string;

/** Who has not said who it is. */
export const ANONYMOUS: Principal = 'User:ANONYMOUS';
/** In an access rule: everybody. */
export const EVERYBODY: Principal = 'User:*';

/** The principal of a user that has logged in. */
export function userPrincipal(name: string): Principal {
  return `User:${name}`;
}

/**
 * The principal of a certificate's subject, given one part a line as OpenSSL prints it (escaped already), the widest
 * first; undefined for an empty subject.
 */
export function certificatePrincipal(subject: string): Principal | undefined {
  const parts = subject.split('\n').filter((part) => part !== '');
  return parts.length === 0 ? undefined : userPrincipal(parts.reverse().join(','));
}
