/** The script, administration: settings read and altered, access control, elections, reassignments. */

import { describeAclsApi } from '../../../../../ts/broker/protocol/gen/29-describe-acls.gen.ts';
import { createAclsApi } from '../../../../../ts/broker/protocol/gen/30-create-acls.gen.ts';
import { deleteAclsApi } from '../../../../../ts/broker/protocol/gen/31-delete-acls.gen.ts';
import { describeConfigsApi } from '../../../../../ts/broker/protocol/gen/32-describe-configs.gen.ts';
import { alterConfigsApi } from '../../../../../ts/broker/protocol/gen/33-alter-configs.gen.ts';
import { electLeadersApi } from '../../../../../ts/broker/protocol/gen/43-elect-leaders.gen.ts';
import { incrementalAlterConfigsApi } from '../../../../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { listPartitionReassignmentsApi } from '../../../../../ts/broker/protocol/gen/46-list-partition-reassignments.gen.ts';
import { type Step, step } from '../step.ts';

const TOPIC = 2;
const BROKER = 4;
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3];

const of = (resourceName: string, configurationKeys: string[] | null, resourceType = TOPIC) => ({
  resourceType,
  resourceName,
  configurationKeys,
});

const change = (resourceName: string, configs: [name: string, operation: number, value: string | null][]) => ({
  resourceType: TOPIC,
  resourceName,
  configs: configs.map(([name, configOperation, value]) => ({ name, configOperation, value })),
});

const replaced = (resourceName: string, configs: Record<string, string | null>, resourceType = TOPIC) => ({
  resourceType,
  resourceName,
  configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
});

const FILTER = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
};

export const adminSteps: readonly Step[] = [
  step(describeConfigsApi, 'all settings of a topic', () => ({
    resources: [of('stamped', null)],
    includeSynonyms: true,
  })),
  step(describeConfigsApi, 'some settings', () => ({
    resources: [of('small', ['max.message.bytes', 'retention.ms', 'no.such.key']), of('plain', [])],
    includeSynonyms: true,
  })),
  step(describeConfigsApi, 'settings of what is not', () => ({
    resources: [of('nowhere', null), of('bad name!', null)],
  })),
  step(describeConfigsApi, 'settings of another broker', () => ({ resources: [of('7', null, BROKER)] })),
  step(describeConfigsApi, 'settings of a broker without a number', () => ({ resources: [of('x', null, BROKER)] })),
  step(describeConfigsApi, 'settings of an unknown kind', () => ({ resources: [of('x', null, 99)] })),
  step(describeConfigsApi, 'some settings of the broker', () => ({
    resources: [of('1', ['num.partitions', 'message.max.bytes', 'log.retention.hours', 'delete.topic.enable'], BROKER)],
    includeSynonyms: true,
  })),
  step(
    incrementalAlterConfigsApi,
    'change settings',
    (v) => ({
      resources: [
        change(`made-${v + 4}`, [
          ['max.message.bytes', SET, '5000'],
          ['retention.ms', DELETE, null],
          ['cleanup.policy', APPEND, 'compact'],
        ]),
      ],
    }),
    { changes: true },
  ),
  step(
    incrementalAlterConfigsApi,
    'take an item out',
    (v) => ({
      resources: [change(`made-${v + 4}`, [['cleanup.policy', SUBTRACT, 'delete']])],
    }),
    { changes: true },
  ),
  step(incrementalAlterConfigsApi, 'change settings badly', (v) => ({
    resources: [
      change('nowhere', [['retention.ms', SET, '1']]),
      change(`made-${v + 4}`, [['no.such.key', SET, '1']]),
      change('small', [['retention.ms', SET, 'soon']]),
      change('plain', [['retention.ms', APPEND, '1']]),
    ],
  })),
  step(incrementalAlterConfigsApi, 'change settings in an unknown way', () => ({
    resources: [change('stamped', [['retention.ms', 9, '1']])],
  })),
  step(incrementalAlterConfigsApi, 'change one setting twice', (v) => ({
    resources: [
      change(`made-${v + 4}`, [
        ['retention.ms', SET, '1'],
        ['retention.ms', SET, '2'],
      ]),
    ],
  })),
  step(incrementalAlterConfigsApi, 'change settings only to validate', (v) => ({
    resources: [change(`made-${v + 4}`, [['retention.ms', SET, '7']])],
    validateOnly: true,
  })),
  step(describeConfigsApi, 'settings that were changed', () => ({
    resources: [
      of('made-4', ['retention.ms', 'max.message.bytes', 'cleanup.policy']),
      of('made-5', ['retention.ms', 'max.message.bytes', 'cleanup.policy']),
    ],
    includeSynonyms: true,
  })),
  step(
    alterConfigsApi,
    'replace settings',
    (v) => ({ resources: [replaced(`made-${v + 2}`, { 'segment.bytes': '2000000' })] }),
    { changes: true },
  ),
  step(alterConfigsApi, 'replace settings badly', () => ({
    resources: [
      replaced('nowhere', {}),
      replaced('small', { 'no.such.key': '1' }),
      replaced('plain', { 'retention.ms': null }),
      replaced('stamped', { 'retention.ms': 'soon' }),
    ],
  })),
  step(alterConfigsApi, 'replace settings of an unknown kind', () => ({ resources: [replaced('x', {}, 99)] })),
  step(describeConfigsApi, 'settings that were replaced', () => ({
    resources: [of('made-3', ['retention.ms', 'segment.bytes'])],
    includeSynonyms: true,
  })),
  step(describeAclsApi, 'access', () => FILTER),
  step(createAclsApi, 'allow', () => ({
    creations: [
      {
        resourceType: 2,
        resourceName: 't',
        resourcePatternType: 3,
        principal: 'User:a',
        host: '*',
        operation: 3,
        permissionType: 3,
      },
    ],
  })),
  step(deleteAclsApi, 'allow no more', () => ({ filters: [FILTER] })),
  step(electLeadersApi, 'elect', () => ({
    electionType: 0,
    topicPartitions: [
      { topic: 'plain', partitions: [0, 9] },
      { topic: 'nowhere', partitions: [0] },
    ],
    timeoutMs: 10_000,
  })),
  step(listPartitionReassignmentsApi, 'reassignments', () => ({ timeoutMs: 10_000, topics: null })),
  step(listPartitionReassignmentsApi, 'reassignments of one', () => ({
    timeoutMs: 10_000,
    topics: [{ name: 'plain', partitionIndexes: [0] }],
  })),
];
