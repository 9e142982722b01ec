/** The script, settings of the broker that are changed while it runs; and timestamps out of their bounds. */

import { produceApi } from '../../../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { createTopicsApi } from '../../../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { describeConfigsApi } from '../../../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { incrementalAlterConfigsApi } from '../../../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { encodeBatch } from '../../../../support/record-batch.ts';
import { type Step, step } from '../step.ts';

const [TOPIC, BROKER] = [2, 4];
const [SET, DELETE] = [0, 1];
const LATEST = { versions: [1, 1], changes: true } as const;
const TIME = 1_700_000_000_000;

const change = (resourceName: string, name: string, configOperation: number, value: string | null) => ({
  resources: [{ resourceType: BROKER, resourceName, configs: [{ name, configOperation, value }] }],
});

const shown = (name: string, resourceType: number, resourceName: string, configurationKeys: string[]): Step =>
  step(
    describeConfigsApi,
    name,
    () => ({ resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true }),
    { versions: [4, 4] },
  );

export const brokerSettingSteps: readonly Step[] = [
  step(
    createTopicsApi,
    'ground for bounds',
    () => ({
      topics: [
        {
          name: 'bounded',
          numPartitions: 1,
          replicationFactor: 1,
          assignments: [],
          configs: [{ name: 'message.timestamp.before.max.ms', value: '1000' }],
        },
      ],
      timeoutMs: 10_000,
    }),
    { versions: [2, 2], changes: true },
  ),
  step(
    produceApi,
    'produce what is too old',
    () => {
      const records = encodeBatch([Buffer.from('a'), Buffer.from('b')], { timestamp: TIME });
      const topicData = [{ name: 'bounded', partitionData: [{ index: 0, records }] }];
      return { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData };
    },
    { versions: [7, 9] },
  ),
  step(
    incrementalAlterConfigsApi,
    'change a setting of the broker',
    () => change('1', 'message.max.bytes', SET, '2000000'),
    LATEST,
  ),
  step(
    incrementalAlterConfigsApi,
    'change a setting of all brokers',
    () => change('', 'message.max.bytes', SET, '3000000'),
    LATEST,
  ),
  shown('a setting of the broker that was changed', BROKER, '1', ['message.max.bytes']),
  shown('a setting of all brokers that was changed', BROKER, '', ['message.max.bytes']),
  shown('what a topic has from the broker', TOPIC, 'plain', ['max.message.bytes']),
  step(
    incrementalAlterConfigsApi,
    'change a setting of the broker that is fixed',
    () => change('1', 'socket.request.max.bytes', SET, '2000000'),
    LATEST,
  ),
  step(
    incrementalAlterConfigsApi,
    'change a setting of the broker badly',
    () => change('1', 'message.max.bytes', SET, 'many'),
    LATEST,
  ),
  step(
    incrementalAlterConfigsApi,
    'change a setting of another broker',
    () => change('7', 'message.max.bytes', SET, '2000000'),
    LATEST,
  ),
  step(
    incrementalAlterConfigsApi,
    'give a setting of the broker up',
    () => change('1', 'message.max.bytes', DELETE, null),
    LATEST,
  ),
  shown('a setting of the broker that was given up', BROKER, '1', ['message.max.bytes']),
  step(
    incrementalAlterConfigsApi,
    'give a setting of all brokers up',
    () => change('', 'message.max.bytes', DELETE, null),
    LATEST,
  ),
];
