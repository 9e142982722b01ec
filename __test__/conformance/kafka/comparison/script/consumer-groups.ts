/** The script, groups of the newer protocol: members that come, move partitions and go (rule 45). */
import { offsetCommitApi } from '../../../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { joinGroupApi } from '../../../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { describeGroupsApi } from '../../../../../ts/broker/protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../../../../../ts/broker/protocol/gen/16-list-groups.gen.ts';
import { deleteGroupsApi } from '../../../../../ts/broker/protocol/gen/42-delete-groups.gen.ts';
import { consumerGroupHeartbeatApi } from '../../../../../ts/broker/protocol/gen/68-consumer-group-heartbeat.gen.ts';
import { consumerGroupDescribeApi } from '../../../../../ts/broker/protocol/gen/69-consumer-group-describe.gen.ts';
import { type Notes, noted, type Step, step } from '../step.ts';

const id = (v: number, who: string) => `00000000-0000-0000-0000-00000000000${v}-${who}`;
const group = (v: number) => `newer-${v}`;

/** What a heartbeat says when nothing has changed. */
function beat(v: number, who: string, memberEpoch: number, more: object = {}) {
  return {
    groupId: group(v),
    memberId: id(v, who),
    memberEpoch,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: null,
    serverAssignor: null,
    topicPartitions: null,
    ...more,
  };
}

function joining(v: number, who: string, topics: string[], more: object = {}) {
  return beat(v, who, 0, { rebalanceTimeoutMs: 60_000, subscribedTopicNames: topics, topicPartitions: [], ...more });
}

const owned = (notes: Notes, partitions: number[]) => ({
  topicPartitions: [{ topicId: String(noted(notes, 'id of plain')), partitions }],
});

export const consumerGroupSteps: readonly Step[] = [
  step(consumerGroupHeartbeatApi, 'newer: join', (v) => joining(v, 'a', ['plain'])),
  step(consumerGroupHeartbeatApi, 'newer: heartbeat', (v, notes) => beat(v, 'a', 2, owned(notes, [0, 1, 2]))),
  step(consumerGroupHeartbeatApi, 'newer: heartbeat that says little', (v) => beat(v, 'a', 2)),
  step(consumerGroupHeartbeatApi, 'newer: heartbeat that says all', (v, notes) =>
    beat(v, 'a', 2, { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['plain'], ...owned(notes, [0, 1, 2]) }),
  ),
  step(consumerGroupHeartbeatApi, 'newer: a second one joins', (v) => joining(v, 'b', ['plain'])),
  step(consumerGroupHeartbeatApi, 'newer: the first one is asked to give back', (v) => beat(v, 'a', 2)),
  step(consumerGroupHeartbeatApi, 'newer: it has not yet', (v, notes) => beat(v, 'a', 2, owned(notes, [0, 1, 2]))),
  step(consumerGroupHeartbeatApi, 'newer: the second one waits', (v) => beat(v, 'b', 3, { topicPartitions: [] })),
  step(consumerGroupHeartbeatApi, 'newer: it gives back', (v, notes) => beat(v, 'a', 2, owned(notes, [0, 1]))),
  step(consumerGroupHeartbeatApi, 'newer: the second one gets it', (v) => beat(v, 'b', 3, { topicPartitions: [] })),
  step(consumerGroupHeartbeatApi, 'newer: an epoch of before', (v) => beat(v, 'a', 2)),
  step(consumerGroupHeartbeatApi, 'newer: an epoch to come', (v) => beat(v, 'a', 9)),
  step(consumerGroupHeartbeatApi, 'newer: somebody unknown', (v) => beat(v, 'x', 3)),
  step(consumerGroupHeartbeatApi, 'newer: an unknown group', (v) => ({ ...beat(v, 'x', 3), groupId: 'nobody' })),
  step(consumerGroupHeartbeatApi, 'newer: no group', (v) => ({ ...joining(v, 'x', ['plain']), groupId: '' })),
  step(consumerGroupHeartbeatApi, 'newer: no time-out', (v) => joining(v, 'x', ['plain'], { rebalanceTimeoutMs: -1 })),
  step(consumerGroupHeartbeatApi, 'newer: no topics', (v) => joining(v, 'x', [], { subscribedTopicNames: null })),
  step(consumerGroupHeartbeatApi, 'newer: owning at first', (v, notes) =>
    joining(v, 'x', ['plain'], owned(notes, [0])),
  ),
  step(consumerGroupHeartbeatApi, 'newer: a meaningless epoch', (v) => beat(v, 'a', -3)),
  step(consumerGroupHeartbeatApi, 'newer: an unknown assignor', (v) =>
    joining(v, 'x', ['plain'], { serverAssignor: 'sticky' }),
  ),
  step(consumerGroupHeartbeatApi, 'newer: going as nobody static', (v) => beat(v, 'a', -2)),
  step(consumerGroupHeartbeatApi, 'newer: an empty name of an instance', (v) =>
    joining(v, 'x', ['plain'], { instanceId: '' }),
  ),
  step(
    consumerGroupHeartbeatApi,
    'newer: a pattern that is none',
    (v) => joining(v, 'x', [], { subscribedTopicRegex: '(' }),
    {
      versions: [1, 1],
    },
  ),
  step(consumerGroupDescribeApi, 'newer: described', () => ({ groupIds: [group(0), 'group-5', 'nobody', ''] })),
  step(consumerGroupDescribeApi, 'newer: described with operations', () => ({
    groupIds: [group(0)],
    includeAuthorizedOperations: true,
  })),
  step(describeGroupsApi, 'newer: described the old way', () => ({ groups: [group(0)] })),
  step(listGroupsApi, 'newer: listed', () => ({ typesFilter: ['consumer'] }), { versions: [5, 5] }),
  step(
    joinGroupApi,
    'newer: joined the old way',
    () => ({
      groupId: group(1),
      memberId: '',
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'connect',
      protocols: [{ name: 'x', metadata: new Uint8Array(1) }],
    }),
    { versions: [2, 3] },
  ),
  step(offsetCommitApi, 'newer: commit', (v, notes) => committing(v, notes, 3), { versions: [9, 9] }),
  step(offsetCommitApi, 'newer: commit in another epoch', (v, notes) => committing(v, notes, 2), { versions: [9, 9] }),
  step(offsetCommitApi, 'newer: commit as nobody', (v, notes) => ({ ...committing(v, notes, 3), memberId: 'x' }), {
    versions: [9, 9],
  }),
  step(offsetCommitApi, 'newer: commit from outside', (v, notes) => ({ ...committing(v, notes, -1), memberId: '' }), {
    versions: [9, 9],
  }),
  step(offsetFetchApi, 'newer: committed', () => asking(id(0, 'a'), 3), { versions: [9, 9] }),
  step(offsetFetchApi, 'newer: committed in another epoch', () => asking(id(0, 'a'), 2), { versions: [9, 9] }),
  step(offsetFetchApi, 'newer: committed for nobody', () => asking('x', 3), { versions: [9, 9] }),
  step(deleteGroupsApi, 'newer: deleted while in use', () => ({ groupsNames: [group(0)] })),
  step(consumerGroupHeartbeatApi, 'newer: leave', (v) => beat(v, 'a', -1)),
  step(consumerGroupHeartbeatApi, 'newer: leave again', (v) => beat(v, 'a', -1)),
  step(consumerGroupHeartbeatApi, 'newer: the other one gets all', (v) => beat(v, 'b', 3)),
  step(consumerGroupHeartbeatApi, 'newer: static join', (v) => joining(v, 's', ['plain'], { instanceId: `i-${v}` })),
  step(consumerGroupHeartbeatApi, 'newer: static join beside', (v) =>
    joining(v, 't', ['plain'], { instanceId: `i-${v}` }),
  ),
  step(consumerGroupHeartbeatApi, 'newer: static goes for a while', (v) => beat(v, 's', -2, { instanceId: `i-${v}` })),
  step(consumerGroupHeartbeatApi, 'newer: static comes back', (v) =>
    joining(v, 't', ['plain'], { instanceId: `i-${v}` }),
  ),
  step(consumerGroupHeartbeatApi, 'newer: static of before', (v) => beat(v, 's', 5, { instanceId: `i-${v}` })),
];

function committing(_v: number, _notes: Notes, epoch: number) {
  return {
    groupId: group(0),
    generationIdOrMemberEpoch: epoch,
    memberId: id(0, 'a'),
    retentionTimeMs: -1n,
    topics: [{ name: 'plain', partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1 }] }],
  };
}

function asking(memberId: string, memberEpoch: number) {
  return {
    groups: [{ groupId: group(0), memberId, memberEpoch, topics: [{ name: 'plain', partitionIndexes: [0] }] }],
  };
}
