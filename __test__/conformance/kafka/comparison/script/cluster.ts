/** The script, the cluster: its directories, quorum, features and resources; partitions that are to move. */

import { describeLogDirsApi } from '../../../../../ts/broker/protocol/gen/35-describe-log-dirs.gen.ts';
import { alterPartitionReassignmentsApi } from '../../../../../ts/broker/protocol/gen/45-alter-partition-reassignments.gen.ts';
import { describeQuorumApi } from '../../../../../ts/broker/protocol/gen/55-describe-quorum.gen.ts';
import { updateFeaturesApi } from '../../../../../ts/broker/protocol/gen/57-update-features.gen.ts';
import { listConfigResourcesApi } from '../../../../../ts/broker/protocol/gen/74-list-config-resources.gen.ts';
import { type Step, step } from '../step.ts';

const move = (name: string, ...rows: [index: number, replicas: number[] | null][]) => ({
  name,
  partitions: rows.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
});

const quorumOf = (topicName: string, partitionIndex: number) => ({
  topics: [{ topicName, partitions: [{ partitionIndex }] }],
});

const feature = (name: string, maxVersionLevel: number) => ({
  feature: name,
  maxVersionLevel,
  allowDowngrade: false,
  upgradeType: 1,
});

export const clusterSteps: readonly Step[] = [
  step(describeLogDirsApi, 'directories of some partitions', () => ({
    topics: [
      { topic: 'compacted', partitions: [0] },
      { topic: 'plain', partitions: [77] },
      { topic: 'nowhere', partitions: [0] },
    ],
  })),
  step(alterPartitionReassignmentsApi, 'move partitions', () => ({
    timeoutMs: 10_000,
    topics: [
      move('plain', [0, [1]], [1, null], [2, [7]], [9, [1]]),
      move('stamped', [0, []]),
      move('small', [0, [1, 1]]),
      move('nowhere', [0, [1]]),
    ],
  })),
  step(describeQuorumApi, 'quorum', () => quorumOf('__cluster_metadata', 0)),
  step(describeQuorumApi, 'quorum of another log', () => quorumOf('plain', 0)),
  step(describeQuorumApi, 'quorum of another partition', () => quorumOf('__cluster_metadata', 3)),
  step(updateFeaturesApi, 'update no feature', () => ({ timeoutMs: 10_000, featureUpdates: [] })),
  step(updateFeaturesApi, 'update an unknown feature', () => ({
    timeoutMs: 10_000,
    featureUpdates: [feature('no.such.feature', 1)],
  })),
  step(updateFeaturesApi, 'update a feature too far', () => ({
    timeoutMs: 10_000,
    featureUpdates: [feature('metadata.version', 9_999)],
  })),
  ...[[2], [4], [8], [16, 32]].map((resourceTypes) =>
    step(listConfigResourcesApi, `resources of type ${resourceTypes}`, () => ({ resourceTypes }), { versions: [1, 1] }),
  ),
  step(listConfigResourcesApi, 'resources of the only type', () => ({ resourceTypes: [] }), { versions: [0, 0] }),
  step(listConfigResourcesApi, 'resources of no type', () => ({ resourceTypes: [99] }), { versions: [1, 1] }),
];
