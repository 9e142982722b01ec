/**
 * ListConfigResources (key 74), versions 0-1: what has settings: every topic, and this broker.
 *
 * No list of types asks for all. 0 was the list of client metrics, of which there are none; 1 other types.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ConfigResource,
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
  listConfigResourcesApi,
} from '../protocol/gen/74-list-config-resources.gen.ts';

const ResourceType = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const;
const TYPES: readonly number[] = Object.values(ResourceType);
const TYPES_SINCE = 1;

function resourcesOf(context: BrokerContext, types: ReadonlySet<number>): ConfigResource[] {
  const resources: ConfigResource[] = [];
  if (types.has(ResourceType.topic)) {
    for (const { name } of context.catalogue.all()) {
      resources.push({ resourceName: name, resourceType: ResourceType.topic });
    }
  }
  for (const resourceType of [ResourceType.broker, ResourceType.brokerLogger]) {
    if (types.has(resourceType)) resources.push({ resourceName: String(context.node.id), resourceType });
  }
  return resources;
}

export function listConfigResourcesHandler(
  context: BrokerContext,
): Handler<ListConfigResourcesRequest, ListConfigResourcesResponse> {
  return {
    api: listConfigResourcesApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ resourceTypes }, exchange) {
      const isAll = exchange.apiVersion >= TYPES_SINCE && resourceTypes.length === 0;
      const wanted = isAll ? TYPES : resourceTypes;
      const isKnown = wanted.every((type) => TYPES.includes(type));
      const errorCode = isKnown ? ErrorCode.NONE : ErrorCode.UNSUPPORTED_VERSION;
      const configResources = isKnown ? resourcesOf(context, new Set(wanted)) : [];
      exchange.reply({ throttleTimeMs: 0, errorCode, configResources });
    },
  };
}
