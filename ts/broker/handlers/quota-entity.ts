/**
 * Entities of quotas as requests name them: a list of types with names, in any order.
 *
 * To remember: `ip` is a type of Kafka that is not enforced here, and is refused rather than forgotten.
 */

import type { QuotaEntity } from '../security/quota.ts';

interface Part {
  readonly entityType: string;
  readonly entityName: string | null;
}

/** Kafka's names of the types. */
export const EntityType = { user: 'user', clientId: 'client-id' } as const;

/** The entity that parts name, or what is wrong with them. */
export function entityOf(parts: readonly Part[]): QuotaEntity | string {
  const entity: { user?: string | null; clientId?: string | null } = {};
  for (const { entityType, entityName } of parts) {
    if (entityType !== EntityType.user && entityType !== EntityType.clientId) {
      return `Quotas by ${entityType} are not supported; give user, client-id or both`;
    }
    const field = entityType === EntityType.user ? 'user' : 'clientId';
    if (entity[field] !== undefined) return `Duplicate ${entityType} entity`;
    if (entityName === '') return `Empty ${entityType} not supported`;
    entity[field] = entityName;
  }
  return parts.length === 0 ? 'Invalid empty client quota entity' : entity;
}

/** The parts of an entity. */
export function partsOf({ user, clientId }: QuotaEntity): Part[] {
  return [
    ...(user === undefined ? [] : [{ entityType: EntityType.user, entityName: user }]),
    ...(clientId === undefined ? [] : [{ entityType: EntityType.clientId, entityName: clientId }]),
  ];
}
