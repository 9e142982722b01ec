/**
 * What a quota is: whom it is for, and how much of what.
 *
 * Not a measurement (quota-meter.ts). To remember: of several quotas that fit a client the most particular one holds, in
 * Kafka's order, and no other.
 */

/**
 * Quotas of users and clients that are in force here, by Kafka's names: bytes per second, percent of one core, and
 * partitions made and deleted per second.
 */
export const CLIENT_QUOTA_KEYS = [
  'producer_byte_rate',
  'consumer_byte_rate',
  'request_percentage',
  'controller_mutation_rate',
] as const;
/** Quotas of addresses: connections per second. */
export const ADDRESS_QUOTA_KEYS = ['connection_creation_rate'] as const;
export type QuotaKey = (typeof CLIENT_QUOTA_KEYS)[number] | (typeof ADDRESS_QUOTA_KEYS)[number];
export const QUOTA_KEYS: readonly QuotaKey[] = [...CLIENT_QUOTA_KEYS, ...ADDRESS_QUOTA_KEYS];

/** Stands for every name that has no quota of its own. */
export const DEFAULT_NAME = null;

/**
 * Whom a quota is for: a user, a client id, or both; or else the address of a peer. null is the default of its kind,
 * undefined no part of it.
 */
export interface QuotaEntity {
  readonly user?: string | null;
  readonly clientId?: string | null;
  readonly ip?: string | null;
}

/** Quotas of one entity; never empty. */
export type Quotas = ReadonlyMap<QuotaKey, number>;

/** What tells entities apart. */
export function entityId({ user, clientId, ip }: QuotaEntity): string {
  if (ip !== undefined) return JSON.stringify(['ip', ip]);
  return JSON.stringify([user === undefined ? 0 : [user], clientId === undefined ? 0 : [clientId]]);
}

/** Entities that fit a client, the most particular first: Kafka's order. */
export function entitiesOf(user: string, clientId: string): readonly QuotaEntity[] {
  return [
    { user, clientId },
    { user, clientId: null },
    { user },
    { user: null, clientId },
    { user: null, clientId: null },
    { user: null },
    { clientId },
    { clientId: null },
  ];
}

/** Which clients share one measurement: a default is one for each client that it fits. */
export function meterId(entity: QuotaEntity, user: string, clientId: string): string {
  const { user: byUser, clientId: byClient } = entity;
  return entityId({
    ...(byUser === undefined ? {} : { user }),
    ...(byClient === undefined ? {} : { clientId }),
  });
}
