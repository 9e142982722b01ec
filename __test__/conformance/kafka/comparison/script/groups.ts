/** The script, groups: coordinators, members, offsets, groups described and deleted. */
import { offsetCommitApi } from '../../../../../ts/broker/protocol/gen/08-offset-commit.gen.ts';
import { offsetFetchApi } from '../../../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../../../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { joinGroupApi } from '../../../../../ts/broker/protocol/gen/11-join-group.gen.ts';
import { heartbeatApi } from '../../../../../ts/broker/protocol/gen/12-heartbeat.gen.ts';
import { leaveGroupApi } from '../../../../../ts/broker/protocol/gen/13-leave-group.gen.ts';
import { syncGroupApi } from '../../../../../ts/broker/protocol/gen/14-sync-group.gen.ts';
import { describeGroupsApi } from '../../../../../ts/broker/protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../../../../../ts/broker/protocol/gen/16-list-groups.gen.ts';
import { deleteGroupsApi } from '../../../../../ts/broker/protocol/gen/42-delete-groups.gen.ts';
import { offsetDeleteApi } from '../../../../../ts/broker/protocol/gen/47-offset-delete.gen.ts';
import { noted, type Step, step } from '../step.ts';

/** Subscription version 0 to `plain`, no user data. */
const SUBSCRIPTION = Buffer.from('000000000001' + '0005' + '706c61696e' + 'ffffffff', 'hex');
const ASSIGNMENT = Buffer.from('0000000000000000ffffffff', 'hex');

function join(groupId: string, memberId: string, more: object = {}) {
  return {
    groupId,
    memberId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocolType: 'consumer',
    protocols: [
      { name: 'range', metadata: SUBSCRIPTION },
      { name: 'roundrobin', metadata: SUBSCRIPTION },
    ],
    ...more,
  };
}

/** From version 4 on a member asks twice: the first answer gives it its id. */
const member = (v: number) => `member ${v}`;

const commit = (groupId: string, generation: number, memberId: string, more: object = {}) => ({
  groupId,
  generationIdOrMemberEpoch: generation,
  memberId,
  retentionTimeMs: -1n,
  topics: [
    {
      name: 'plain',
      partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: 'm' }],
    },
  ],
  ...more,
});

/** One group until version 7, several from 8 on. */
const both = (v: number, groupId: string, topics: { name: string; partitionIndexes: number[] }[] | null) =>
  v < 8 ? { groupId, topics } : { groups: [{ groupId, memberId: null, memberEpoch: -1, topics }] };

const keys = (v: number, [key = '', ...rest]: string[], keyType = 0) => ({
  ...(v < 1 ? {} : { keyType }),
  ...(v < 4 ? { key } : { coordinatorKeys: [key, ...rest] }),
});

/** One member until version 2, a list from 3 on. */
const leaving = (v: number, groupId: string, memberId: string) =>
  v < 3 ? { groupId, memberId } : { groupId, members: [{ memberId }] };

export const groupSteps: readonly Step[] = [
  step(findCoordinatorApi, 'coordinator', (v) => keys(v, ['g', 'h'])),
  step(findCoordinatorApi, 'coordinator of an unknown kind', (v) => keys(v, ['g'], 7), {
    versions: [1, 6],
  }),
  step(findCoordinatorApi, 'coordinator of no name', (v) => keys(v, [''])),
  step(joinGroupApi, 'join without an id', (v) => join(`group-${v}`, ''), {
    keep: (answer, notes, v) => notes.set(member(v), answer.memberId),
  }),
  step(joinGroupApi, 'join', (v, notes) => join(`group-${v}`, String(noted(notes, member(v)))), { versions: [4, 9] }),
  step(joinGroupApi, 'join with a session too short', (v) => join(`short-${v}`, '', { sessionTimeoutMs: 5 })),
  step(joinGroupApi, 'join a group of no name', () => join('', '')),
  step(joinGroupApi, 'join as somebody unknown', (v) => join(`group-${v}`, 'stranger')),
  step(
    joinGroupApi,
    'join with other protocols',
    (v) => join(`group-${v}`, '', { protocolType: 'connect', groupInstanceId: 'static' }),
    { versions: [5, 9] },
  ),
  step(joinGroupApi, 'join without protocols', (v) => join(`empty-${v}`, '', { protocols: [] })),
  step(syncGroupApi, 'sync', (v, notes) => ({
    groupId: `group-${v}`,
    generationId: 1,
    memberId: String(noted(notes, member(v))),
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: String(noted(notes, member(v))), assignment: ASSIGNMENT }],
  })),
  step(syncGroupApi, 'sync another generation', (v, notes) => ({
    groupId: `group-${v}`,
    generationId: 9,
    memberId: String(noted(notes, member(v))),
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  })),
  step(
    syncGroupApi,
    'sync another protocol',
    (v, notes) => ({
      groupId: `group-${v}`,
      generationId: 1,
      memberId: String(noted(notes, member(v))),
      protocolType: 'connect',
      protocolName: 'range',
      assignments: [],
    }),
    { versions: [5, 5] },
  ),
  step(syncGroupApi, 'sync as somebody unknown', (v) => ({
    groupId: `group-${v}`,
    generationId: 1,
    memberId: 'stranger',
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  })),
  step(heartbeatApi, 'heartbeat', (v, notes) => ({
    groupId: `group-${v}`,
    generationId: 1,
    memberId: String(noted(notes, member(v))),
  })),
  step(heartbeatApi, 'heartbeat of another generation', (v, notes) => ({
    groupId: `group-${v}`,
    generationId: 9,
    memberId: String(noted(notes, member(v))),
  })),
  step(heartbeatApi, 'heartbeat of somebody unknown', (v) => ({
    groupId: `group-${v}`,
    generationId: 1,
    memberId: 'stranger',
  })),
  step(heartbeatApi, 'heartbeat in an unknown group', () => ({ groupId: 'nobody', generationId: 1, memberId: 'x' })),
  step(offsetCommitApi, 'commit as a member', (v, notes) => commit(`group-${v}`, 1, String(noted(notes, member(v))))),
  step(offsetCommitApi, 'commit in another generation', (v, notes) =>
    commit(`group-${v}`, 9, String(noted(notes, member(v)))),
  ),
  step(offsetCommitApi, 'commit from outside into a live group', (v) => commit(`group-${v}`, -1, '')),
  step(offsetCommitApi, 'commit from outside', (v) => commit(`alone-${v}`, -1, '')),
  step(offsetCommitApi, 'commit for unknown places', (v) => ({
    ...commit(`alone-${v}`, -1, ''),
    topics: [
      { name: 'nowhere', partitions: [{ partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1 }] },
      { name: 'plain', partitions: [{ partitionIndex: 9, committedOffset: 1, committedLeaderEpoch: -1 }] },
    ],
  })),
  step(offsetCommitApi, 'commit with too much text', (v) => ({
    ...commit(`alone-${v}`, -1, ''),
    topics: [
      {
        name: 'plain',
        partitions: [
          { partitionIndex: 0, committedOffset: 1, committedLeaderEpoch: -1, committedMetadata: 'x'.repeat(5000) },
        ],
      },
    ],
  })),
  step(offsetCommitApi, 'commit as a member of an unknown group', (v) => commit(`missing-${v}`, 3, 'stranger')),
  step(offsetCommitApi, 'commit for no name', () => commit('', -1, '')),
  step(offsetFetchApi, 'committed', (v) =>
    both(v, 'alone-5', [
      { name: 'plain', partitionIndexes: [0, 1] },
      { name: 'nowhere', partitionIndexes: [0] },
    ]),
  ),
  step(offsetFetchApi, 'committed, all', (v) => both(v, 'alone-5', null), { versions: [2, 9] }),
  step(offsetFetchApi, 'committed of an unknown group', (v) =>
    both(v, 'nobody', [{ name: 'plain', partitionIndexes: [0] }]),
  ),
  step(offsetFetchApi, 'committed of an unknown group, all', (v) => both(v, 'nobody', null), { versions: [2, 9] }),
  step(describeGroupsApi, 'describe groups', () => ({ groups: ['group-5', 'alone-5', 'nobody'] })),
  step(
    describeGroupsApi,
    'describe groups with operations',
    () => ({
      groups: ['group-5'],
      includeAuthorizedOperations: true,
    }),
    { versions: [3, 5] },
  ),
  step(listGroupsApi, 'list groups', () => ({})),
  step(listGroupsApi, 'list groups by state', () => ({ statesFilter: ['Stable'] }), { versions: [4, 5] }),
  step(listGroupsApi, 'list groups by an unknown state', () => ({ statesFilter: ['Sleepy'] }), { versions: [4, 5] }),
  step(listGroupsApi, 'list groups by type', () => ({ typesFilter: ['consumer'] }), { versions: [5, 5] }),
  step(offsetDeleteApi, 'delete offsets', () => ({
    groupId: 'alone-5',
    topics: [
      { name: 'plain', partitions: [{ partitionIndex: 0 }, { partitionIndex: 2 }] },
      { name: 'nowhere', partitions: [{ partitionIndex: 0 }] },
    ],
  })),
  step(offsetDeleteApi, 'delete offsets of a topic that is read', () => ({
    groupId: 'group-5',
    topics: [{ name: 'plain', partitions: [{ partitionIndex: 0 }] }],
  })),
  step(offsetDeleteApi, 'delete offsets of an unknown group', () => ({
    groupId: 'nobody',
    topics: [{ name: 'plain', partitions: [{ partitionIndex: 0 }] }],
  })),
  step(deleteGroupsApi, 'delete groups', (v) => ({ groupsNames: [`group-${v}`, `alone-${v + 6}`, 'nobody', ''] })),
  step(leaveGroupApi, 'leave', (v, notes) => leaving(v, `group-${v}`, String(noted(notes, member(v))))),
  step(leaveGroupApi, 'leave as somebody unknown', (v) => leaving(v, `group-${v}`, 'stranger')),
  step(leaveGroupApi, 'leave an unknown group', (v) => leaving(v, 'nobody', 'stranger')),
];
