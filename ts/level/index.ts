/**
 * `millrace/level`: a store as an `abstract-level` database. Needs the package `abstract-level` 3.
 *
 * Not an implementation. To remember: what is exported here is covered by semantic versioning, nothing else is.
 */

export { MillraceLevel, type MillraceLevelOptions } from './millrace-level.ts';
