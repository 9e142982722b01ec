/**
 * DescribeClientQuotas (key 48), versions 0-1: quotas of the entities that a filter means.
 *
 * Without `strict` an entity may have more parts than the filter names. 1 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ComponentData,
  type DescribeClientQuotasRequest,
  type DescribeClientQuotasResponse,
  describeClientQuotasApi,
} from '../protocol/gen/48-describe-client-quotas.gen.ts';
import type { QuotaEntity } from '../security/quota.ts';
import { EntityType, partsOf } from './quota-entity.ts';

const Match = { exact: 0, default: 1, any: 2 } as const;

function problemOf({ components }: DescribeClientQuotasRequest): string | undefined {
  const seen = new Set<string>();
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return 'Unexpected empty filter component entity type';
    if (seen.has(entityType)) return `Duplicate filter component entity type: ${entityType}`;
    seen.add(entityType);
    if (matchType === Match.exact && match === null)
      return 'Request specified MATCH_TYPE_EXACT, but set match string to null.';
    if (matchType < Match.exact || matchType > Match.any) return `Unknown match type ${matchType}`;
  }
  if (seen.has(EntityType.ip) && seen.size > 1) return 'Invalid entity filter component combination';
  return undefined;
}

function isMeant(entity: QuotaEntity, components: readonly ComponentData[], strict: boolean): boolean {
  const parts = partsOf(entity);
  if (strict && parts.length !== components.length) return false;
  return components.every(({ entityType, matchType, match }) => {
    const part = parts.find((one) => one.entityType === entityType);
    if (part === undefined) return false;
    if (matchType === Match.exact) return part.entityName === match;
    return matchType === Match.default ? part.entityName === null : true;
  });
}

export function describeClientQuotasHandler({
  security,
}: BrokerContext): Handler<DescribeClientQuotasRequest, DescribeClientQuotasResponse> {
  return {
    api: describeClientQuotasApi,
    minVersion: 0,
    maxVersion: 1,
    handle(request, exchange) {
      const errorMessage = problemOf(request);
      if (errorMessage !== undefined) {
        exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.INVALID_REQUEST, errorMessage, entries: null });
        return;
      }
      const known: ReadonlySet<string> = new Set(Object.values(EntityType));
      const components = request.components.filter(({ entityType }) => known.has(entityType));
      // Of an entity type that nothing here has, nothing is found.
      const isNone = components.length < request.components.length;
      const found = isNone ? [] : [...security.quotas.all()];
      const entries = found
        .filter(({ entity }) => isMeant(entity, components, request.strict))
        .map(({ entity, quotas }) => ({
          entity: partsOf(entity),
          values: Array.from(quotas, ([key, value]) => ({ key, value })),
        }));
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, entries });
    },
  };
}
