/**
 * IncrementalAlterConfigs (key 44), versions 0-1: SET, DELETE, APPEND and SUBTRACT of single settings, all of a topic's
 * or the broker's, or none (rule 51).
 *
 * 1 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { alterResources } from '../metadata/alter-configs.ts';
import { changedConfig } from '../metadata/config-change.ts';
import {
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
  incrementalAlterConfigsApi,
} from '../protocol/gen/44-incremental-alter-configs.gen.ts';

export function incrementalAlterConfigsHandler(
  context: BrokerContext,
): Handler<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse> {
  return {
    api: incrementalAlterConfigsApi,
    minVersion: 0,
    maxVersion: 1,
    handle({ resources, validateOnly }, exchange) {
      alterResources(
        context,
        resources,
        validateOnly,
        (resource, subject) => changedConfig(subject, resource.configs),
        (responses) => exchange.reply({ throttleTimeMs: 0, responses }),
      );
    },
  };
}
