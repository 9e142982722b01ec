/**
 * Entities of quotas as requests name them: a list of types with names, in any order.
 *
 * To remember: an address stands alone, with quotas of its own, and is told in the one form in which peers are known.
 */

import { isIP } from 'node:net';
import { plainAddress } from '../plain-address.ts';
import { ADDRESS_QUOTA_KEYS, CLIENT_QUOTA_KEYS, type QuotaEntity, type QuotaKey } from '../security/quota.ts';

interface Part {
  readonly entityType: string;
  readonly entityName: string | null;
}

/** Kafka's names of the types. */
export const EntityType = { user: 'user', clientId: 'client-id', ip: 'ip' } as const;

const FIELDS = new Map<string, 'user' | 'clientId' | 'ip'>([
  [EntityType.user, 'user'],
  [EntityType.clientId, 'clientId'],
  [EntityType.ip, 'ip'],
]);

/** The entity that parts name, or what is wrong with them. */
export function entityOf(parts: readonly Part[]): QuotaEntity | string {
  const entity: { user?: string | null; clientId?: string | null; ip?: string | null } = {};
  for (const { entityType, entityName } of parts) {
    const field = FIELDS.get(entityType);
    if (field === undefined) return `Unhandled client quota entity type: ${entityType}`;
    if (entity[field] !== undefined) return `Duplicate ${entityType} entity`;
    if (entityName === '') return `Empty ${entityType} not supported`;
    const isAddress = field === 'ip' && entityName !== null;
    if (isAddress && isIP(entityName) === 0) return `${entityName} is not a valid IP`;
    entity[field] = isAddress ? canonical(entityName) : entityName;
  }
  if (parts.length === 0) return 'Invalid empty client quota entity';
  return entity.ip !== undefined && parts.length > 1 ? 'Invalid client quota entity combination' : entity;
}

/** An address as the system writes it: IPv6 in its shortest form. */
function canonical(address: string): string {
  const plain = plainAddress(address);
  if (isIP(plain) !== 6 || !URL.canParse(`http://[${plain}]`)) return plain;
  return new URL(`http://[${plain}]`).hostname.slice(1, -1);
}

/** The quotas that an entity may have. */
export function keysOf({ ip }: QuotaEntity): readonly QuotaKey[] {
  return ip === undefined ? CLIENT_QUOTA_KEYS : ADDRESS_QUOTA_KEYS;
}

/** The parts of an entity. */
export function partsOf({ user, clientId, ip }: QuotaEntity): Part[] {
  return [
    ...(user === undefined ? [] : [{ entityType: EntityType.user, entityName: user }]),
    ...(clientId === undefined ? [] : [{ entityType: EntityType.clientId, entityName: clientId }]),
    ...(ip === undefined ? [] : [{ entityType: EntityType.ip, entityName: ip }]),
  ];
}
