/**
 * One request that changes settings of resources, until each of them is changed or refused: AlterConfigs and
 * IncrementalAlterConfigs differ only in what the new settings are.
 *
 * To remember: settings of topics can be changed while running, settings of the broker only by starting it anew.
 */

import type { Topic } from '../../log/catalogue.ts';
import { topicNameProblem } from '../../log/topic-name.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import { isRefusal } from './alter-topic.ts';
import type { Refusal } from './create-topic.ts';

const ResourceType = { topic: 2, broker: 4 } as const;

export interface AlteredResource {
  errorCode: number;
  errorMessage: string | null;
  resourceType: number;
  resourceName: string;
}

interface Asked {
  readonly resourceType: number;
  readonly resourceName: string;
}

/** Changes each resource; `decide` says what becomes of a topic's settings; `done` runs once, with a row for each. */
export function alterResources<Resource extends Asked>(
  context: BrokerContext,
  resources: readonly Resource[],
  validateOnly: boolean,
  decide: (resource: Resource, topic: Topic) => ReadonlyMap<string, string> | Refusal,
  done: (rows: AlteredResource[]) => void,
): void {
  const twice = namedTwice(resources);
  let open = 1;
  const close = (): void => {
    open--;
    if (open === 0) done(rows);
  };
  const rows = resources.map((resource): AlteredResource => {
    const { resourceType, resourceName } = resource;
    const row = {
      errorCode: ErrorCode.NONE as ErrorNumber,
      errorMessage: null as string | null,
      resourceType,
      resourceName,
    };
    const refuse = ({ error, message }: Refusal): void => {
      row.errorCode = error;
      row.errorMessage = message;
    };
    const refusal = refusalOf(context, resource, twice);
    if (refusal) {
      refuse(refusal);
      return row;
    }
    open++;
    const decideNow = (topic: Topic) => {
      const config = decide(resource, topic);
      if (!isRefusal(config)) return validateOnly ? undefined : { config, partitions: topic.partitions.length };
      refuse(config);
      return undefined;
    };
    context.catalogue.alter(resourceName, decideNow, (outcome) => {
      if (outcome.kind === 'failed') refuse({ error: kafkaErrorOf(outcome.code), message: 'not stored' });
      if (outcome.kind === 'unknown') refuse(unknownTopic(resourceName));
      close();
    });
    return row;
  });
  close();
}

function refusalOf(context: BrokerContext, asked: Asked, twice: ReadonlySet<string>): Refusal | undefined {
  const { resourceType, resourceName } = asked;
  if (twice.has(idOf(asked))) return { error: ErrorCode.INVALID_REQUEST, message: 'named twice in the request' };
  if (resourceType === ResourceType.broker) {
    const message = 'settings of the broker are changed by starting it with others';
    return { error: ErrorCode.INVALID_REQUEST, message };
  }
  if (resourceType !== ResourceType.topic) {
    const message = `resources of type ${resourceType} have no settings here`;
    return { error: ErrorCode.INVALID_REQUEST, message };
  }
  return context.catalogue.get(resourceName) ? undefined : unknownTopic(resourceName);
}

function unknownTopic(name: string): Refusal {
  const problem = topicNameProblem(name);
  if (problem !== undefined) return { error: ErrorCode.INVALID_TOPIC_EXCEPTION, message: problem };
  return { error: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: 'there is no such topic' };
}

function idOf({ resourceType, resourceName }: Asked): string {
  return `${resourceType} ${resourceName}`;
}

function namedTwice(resources: readonly Asked[]): Set<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const resource of resources) {
    const id = idOf(resource);
    if (seen.has(id)) twice.add(id);
    seen.add(id);
  }
  return twice;
}
