/**
 * `millrace/keyv`: a store as a storage adapter of Keyv 5.
 *
 * Not an implementation. To remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export { KeyvMillrace, type KeyvSet, type KeyvStore, openKeyv } from './keyv-millrace.ts';
