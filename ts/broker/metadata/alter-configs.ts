/**
 * One request that changes settings of resources, until each of them is changed or refused: AlterConfigs and
 * IncrementalAlterConfigs differ only in what the new settings are.
 *
 * To remember: a topic's settings lie with the topic, the broker's in broker-config-store.ts; a broker without a name
 * stands for the defaults of all brokers.
 */

import type { CodeNumber } from '../../io/native-types.ts';
import { topicNameProblem } from '../../log/topic-name.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { SettingEntity } from './broker-config-store.ts';
import { brokerSubject, type Config, type ConfigSubject, isRefusal, topicSubject } from './config-change.ts';
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

/** Changes each resource; `decide` says what becomes of its settings; `done` runs once, with a row for each. */
export function alterResources<Resource extends Asked>(
  context: BrokerContext,
  resources: readonly Resource[],
  validateOnly: boolean,
  decide: (resource: Resource, subject: ConfigSubject) => Config | Refusal,
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
    const row: AlteredResource = { errorCode: ErrorCode.NONE, errorMessage: null, resourceType, resourceName };
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
    const decideOne = (subject: ConfigSubject): Config | undefined => {
      const config = decide(resource, subject);
      if (!isRefusal(config)) return validateOnly ? undefined : config;
      refuse(config);
      return undefined;
    };
    const change = resourceType === ResourceType.topic ? alterTopic : alterBroker;
    change(context, resourceName, decideOne, (outcome) => {
      if (outcome) refuse(outcome);
      close();
    });
    return row;
  });
  close();
}

type Decide = (subject: ConfigSubject) => Config | undefined;
type Done = (refusal: Refusal | undefined) => void;

function alterTopic({ catalogue, settings }: BrokerContext, name: string, decide: Decide, done: Done): void {
  const inherited = new Map<string, string>();
  catalogue.alter(
    name,
    (topic) => {
      const config = decide(topicSubject(topic.config, (key) => settings.topicValue(key, inherited).value));
      return config && { config, partitions: topic.partitions.length };
    },
    (outcome) => {
      if (outcome.kind === 'failed') done(notStored(outcome.code));
      else done(outcome.kind === 'unknown' ? unknownTopic(name) : undefined);
    },
  );
}

function alterBroker({ brokerConfigs, settings }: BrokerContext, name: string, decide: Decide, done: Done): void {
  const entity: SettingEntity = name === '' ? 'default' : 'broker';
  brokerConfigs.alter(
    entity,
    (config) => decide(brokerSubject(config, (key) => settings.brokerValue(key).value)),
    (code) => done(kafkaErrorOf(code) === ErrorCode.NONE ? undefined : notStored(code)),
  );
}

function notStored(code: CodeNumber): Refusal {
  return { error: kafkaErrorOf(code), message: 'not stored' };
}

function refusalOf(context: BrokerContext, asked: Asked, twice: ReadonlySet<string>): Refusal | undefined {
  const { resourceType, resourceName } = asked;
  const invalid = (message: string): Refusal => ({ error: ErrorCode.INVALID_REQUEST as ErrorNumber, message });
  if (twice.has(idOf(asked))) return invalid('named twice in the request');
  if (resourceType === ResourceType.broker) {
    const { id } = context.node;
    return resourceName === '' || resourceName === String(id) ? undefined : invalid(`the only broker is ${id}`);
  }
  if (resourceType !== ResourceType.topic) return invalid(`resources of type ${resourceType} have no settings here`);
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
