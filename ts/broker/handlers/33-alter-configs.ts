/**
 * AlterConfigs (key 33), versions 0-2: a topic or the broker gets exactly the settings named; all others go
 * back (rule 51).
 *
 * 2 flexible.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { alterResources } from '../metadata/alter-configs.ts';
import { type ConfigSubject, replacedConfig } from '../metadata/config-change.ts';
import {
  type AlterConfigsRequest,
  type AlterConfigsResponse,
  alterConfigsApi,
} from '../protocol/gen/33-alter-configs.gen.ts';

export function alterConfigsHandler(context: BrokerContext): Handler<AlterConfigsRequest, AlterConfigsResponse> {
  return {
    api: alterConfigsApi,
    minVersion: 0,
    maxVersion: 2,
    handle({ resources, validateOnly }, exchange) {
      const decide = (resource: (typeof resources)[number], subject: ConfigSubject) =>
        replacedConfig(subject, resource.configs);
      alterResources(context, resources, validateOnly, decide, (responses) => {
        exchange.reply({ throttleTimeMs: 0, responses });
      });
    },
  };
}
