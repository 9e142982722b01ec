/**
 * Features of the cluster by Kafka's names: which levels there are, and which is in force.
 *
 * Not their meaning. To remember: a level that is told is a promise of everything that belongs to it; levels are fixed,
 * because there is no older program to stay compatible with.
 */

export interface Feature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The level in force. */
  readonly level: number;
}

/** Kafka 3.9's level, which user interfaces read. */
const METADATA_VERSION = 21;

export const FEATURES: readonly Feature[] = [
  { name: 'metadata.version', minVersion: 1, maxVersion: METADATA_VERSION, level: METADATA_VERSION },
  // KIP-848: groups whose members are assigned by this server.
  { name: 'group.version', minVersion: 0, maxVersion: 1, level: 1 },
  // KIP-890: writing enlists, and every transaction has an epoch of its own.
  { name: 'transaction.version', minVersion: 0, maxVersion: 2, level: 2 },
];
