/**
 * AlterClientQuotas (key 49), versions 0-1: sets and removes quotas, durable and in force when answered.
 *
 * An entity that is refused does not hold back the others; all others are one frame. 1 flexible.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type AlterClientQuotasRequest,
  type AlterClientQuotasResponse,
  alterClientQuotasApi,
  type OpData,
} from '../protocol/gen/49-alter-client-quotas.gen.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import { entityId, type QuotaEntity, type QuotaKey } from '../security/quota.ts';
import type { QuotaChange } from '../security/quota-store.ts';
import { entityOf, keysOf } from './quota-entity.ts';

type RequestEntry = AlterClientQuotasRequest['entries'][number];
type AnswerEntry = AlterClientQuotasResponse['entries'][number];

/** What operations make of an entity's quotas, or what is wrong with one of them. */
function valuesOf(entity: QuotaEntity, ops: readonly OpData[]): Map<QuotaKey, number | undefined> | string {
  const values = new Map<QuotaKey, number | undefined>();
  for (const { key: name, value, remove } of ops) {
    const key = keysOf(entity).find((one) => one === name);
    if (key === undefined) return `Invalid configuration key ${name}`;
    if (values.has(key)) return `Duplicate quota key ${key}`;
    if (!remove && !(Number.isFinite(value) && value > 0)) return `Quota ${key} must be greater than 0`;
    if (!remove && key === 'connection_creation_rate' && !Number.isInteger(value))
      return `${key} cannot be a fractional value.`;
    values.set(key, remove ? undefined : value);
  }
  return values;
}

/** The change that an entry asks for, or what is wrong with it. */
function changeOf({ entity: parts, ops }: RequestEntry): QuotaChange | string {
  if (!parts.every(({ entityName }) => entityName === null || isWellFormed(entityName))) return 'A name is no UTF-8';
  const entity = entityOf(parts);
  if (typeof entity === 'string') return entity;
  const values = valuesOf(entity, ops);
  return typeof values === 'string' ? values : { entity, values };
}

export function alterClientQuotasHandler({
  security,
}: BrokerContext): Handler<AlterClientQuotasRequest, AlterClientQuotasResponse> {
  return {
    api: alterClientQuotasApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ entries: asked, validateOnly }, exchange) {
      const seen = new Set<string>();
      const changes: QuotaChange[] = [];
      const accepted: AnswerEntry[] = [];
      const entries = asked.map((entry): AnswerEntry => {
        const { entity } = entry;
        const change = changeOf(entry);
        const isTwice = typeof change !== 'string' && seen.has(entityId(change.entity));
        if (typeof change === 'string' || isTwice) {
          const errorMessage = typeof change === 'string' ? change : 'An entity is named twice in the request';
          return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage, entity };
        }
        seen.add(entityId(change.entity));
        const row: AnswerEntry = { errorCode: ErrorCode.NONE, errorMessage: null, entity };
        changes.push(change);
        accepted.push(row);
        return row;
      });
      security.quotas.alter(validateOnly ? [] : changes, (code) => {
        if (code !== Code.ok) for (const row of accepted) row.errorCode = kafkaErrorOf(code);
        exchange.reply({ throttleTimeMs: 0, entries });
      });
    },
  };
}
