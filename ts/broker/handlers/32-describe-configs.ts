/**
 * DescribeConfigs (key 32), versions 1-4: every known key of a topic or of the broker, with source and synonyms.
 *
 * A key set explicitly to its default is still the topic's own (rule 50). No list of keys, or an empty one, asks for all.
 * 1 source and synonyms; 3 type and documentation; 4 flexible.
 */

import { topicNameProblem } from '../../log/topic-name.ts';
import type { ConfigKey, ConfigType } from '../config-key.ts';
import { brokerConfigKeys, topicConfigKeys } from '../config-table.ts';
import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type DescribeConfigsRequest,
  type DescribeConfigsResource,
  type DescribeConfigsResourceResult,
  type DescribeConfigsResponse,
  type DescribeConfigsResult,
  describeConfigsApi,
} from '../protocol/gen/32-describe-configs.gen.ts';
import type { ConfigValue } from '../settings.ts';

const ResourceType = { topic: 2, broker: 4 } as const;
const TYPE_NUMBERS: Record<ConfigType, number> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 };

/** What to show besides name and value. */
interface Wish {
  readonly synonyms: boolean;
  readonly documentation: boolean;
}

function describeResource(context: BrokerContext, asked: DescribeConfigsResource, wish: Wish): DescribeConfigsResult {
  const { resourceType, resourceName } = asked;
  const wanted = asked.configurationKeys?.length ? new Set(asked.configurationKeys) : undefined;
  const refuse = (errorCode: ErrorNumber, errorMessage: string): DescribeConfigsResult => {
    return { errorCode, errorMessage, resourceType, resourceName, configs: [] };
  };
  const show = (
    keys: Iterable<ConfigKey>,
    value: (key: ConfigKey) => ConfigValue | undefined,
    isReadOnly: (key: ConfigKey) => boolean,
  ) => {
    const configs: DescribeConfigsResourceResult[] = [];
    for (const key of keys) {
      const found = !wanted || wanted.has(key.name) ? value(key) : undefined;
      if (found) configs.push(rowOf(key, found, wish, isReadOnly(key)));
    }
    return { errorCode: ErrorCode.NONE, errorMessage: '', resourceType, resourceName, configs };
  };
  const { settings, catalogue, node } = context;
  if (resourceType === ResourceType.topic) {
    const problem = topicNameProblem(resourceName);
    if (problem !== undefined) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, problem);
    const topic = catalogue.get(resourceName);
    if (!topic) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, 'there is no such topic');
    return show(
      topicConfigKeys(),
      (key) => settings.topicValue(key, topic.config),
      () => false,
    );
  }
  if (resourceType === ResourceType.broker) {
    const isReadOnly = (key: ConfigKey) => key.dynamic !== true;
    // An empty name asks for the defaults of the cluster: what was given to it while it ran.
    if (resourceName === '') return show(brokerConfigKeys(), (key) => settings.defaultValue(key), isReadOnly);
    if (resourceName !== String(node.id)) return refuse(ErrorCode.INVALID_REQUEST, `the only broker is ${node.id}`);
    return show(brokerConfigKeys(), (key) => settings.brokerValue(key), isReadOnly);
  }
  return refuse(ErrorCode.INVALID_REQUEST, `resources of type ${resourceType} have no settings here`);
}

/** Each resource once: one repeated without end must not become an answer without end. */
function uniqueResources(resources: readonly DescribeConfigsResource[]): Iterable<DescribeConfigsResource> {
  return new Map(resources.map((asked) => [`${asked.resourceType} ${asked.resourceName}`, asked])).values();
}

function rowOf(key: ConfigKey, value: ConfigValue, wish: Wish, readOnly: boolean): DescribeConfigsResourceResult {
  return {
    name: key.name,
    value: value.value,
    readOnly,
    configSource: value.source,
    isSensitive: false,
    synonyms: wish.synonyms ? [...value.synonyms] : [],
    configType: TYPE_NUMBERS[key.type],
    documentation: wish.documentation ? key.doc : null,
  };
}

export function describeConfigsHandler(
  context: BrokerContext,
): Handler<DescribeConfigsRequest, DescribeConfigsResponse> {
  return {
    api: describeConfigsApi,
    minVersion: 1,
    maxVersion: 4,
    handle(request, exchange) {
      const wish = { synonyms: request.includeSynonyms, documentation: request.includeDocumentation };
      const results = Array.from(uniqueResources(request.resources), (resource) =>
        describeResource(context, resource, wish),
      );
      exchange.reply({ throttleTimeMs: 0, results });
    },
  };
}
