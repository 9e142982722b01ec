/**
 * `millrace/unstorage`: a store as a driver of unstorage.
 *
 * Not an implementation. To remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export { type MillraceDriver, type MillraceDriverOptions, millraceDriver } from './millrace-driver.ts';
