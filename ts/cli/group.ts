/**
 * `millrace group list|describe|delete|offset-delete`: what consumer groups there are, how far each is, and removing them.
 *
 * Invariant: with several groups every one is tried and reported; the exit code is that of the first that failed.
 */
import { describeGroupsApi } from '../broker/protocol/gen/15-describe-groups.gen.ts';
import { listGroupsApi } from '../broker/protocol/gen/16-list-groups.gen.ts';
import { deleteGroupsApi } from '../broker/protocol/gen/42-delete-groups.gen.ts';
import { offsetDeleteApi } from '../broker/protocol/gen/47-offset-delete.gen.ts';
import { renderColumns } from './columns.ts';
import { openCoordinator } from './coordinator-session.ts';
import { ExitCode, type ExitCodeNumber, usage } from './exit.ts';
import { decodeAssignment } from './group-assignment.ts';
import { type CommittedPartition, committedOffsets } from './group-offsets.ts';
import { check } from './kafka-names.ts';
import { type Change, type Form, print, reportChanges, statusText } from './report.ts';
import { type ClientOptions, openSession } from './session.ts';
import { confirm, DataOutput, type Terminal, tell } from './terminal.ts';

/** Lists groups by name, those in one of `states` where any are given. */
export async function listGroups(
  options: ClientOptions & Form & { readonly states?: readonly string[] },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openSession(options);
  const response = await session.send(listGroupsApi, { statesFilter: [...(options.states ?? [])], typesFilter: [] });
  check(response.errorCode, 'groups');
  const found = [...response.groups].sort((left, right) => (left.groupId < right.groupId ? -1 : 1));
  const groups = found.map(({ groupId, groupState, protocolType }) => {
    return { group: groupId, state: groupState, protocolType };
  });
  const rows = groups.map((one) => [one.group, one.state, one.protocolType]);
  const wide = { headings: ['TYPE'], rows: found.map(({ groupType }) => [groupType]) };
  await print(terminal, options, { headings: ['GROUP', 'STATE', 'PROTOCOL-TYPE'], rows }, groups, wide);
  return ExitCode.ok;
}

interface GroupDescription {
  readonly group: string;
  readonly state: string;
  readonly protocolType: string;
  readonly protocol: string;
  readonly members: readonly {
    readonly id: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly host: string;
    readonly assigned: readonly string[];
  }[];
  readonly offsets: readonly CommittedPartition[];
}

/** State, members with what they read, and lag of each partition, of each of `names`. */
export async function describeGroups(
  names: readonly string[],
  options: ClientOptions & Form,
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  const output = new DataOutput(terminal.stdout);
  let exitCode: ExitCodeNumber = ExitCode.ok;
  for (const name of names) {
    const described = await describeGroup(name, options);
    // A group that nobody is in and that has committed nothing is one that does not exist.
    if (described.state === 'Dead' && described.offsets.length === 0) {
      tell(terminal, `millrace: there is no group ${name}`);
      exitCode = ExitCode.notFound;
      continue;
    }
    await output.text(
      options.format === 'json' ? `${JSON.stringify(described)}\n` : renderGroup(described, options.format === 'wide'),
    );
  }
  return exitCode;
}

async function describeGroup(name: string, options: ClientOptions): Promise<GroupDescription> {
  await using session = await openCoordinator(options, name);
  const response = await session.send(describeGroupsApi, { groups: [name], includeAuthorizedOperations: false });
  const [found] = response.groups;
  check(found?.errorCode ?? -1, `group ${name}`);
  return {
    group: name,
    state: found?.groupState ?? '',
    protocolType: found?.protocolType ?? '',
    protocol: found?.protocolData ?? '',
    members: (found?.members ?? []).map((member) => ({
      id: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assigned: decodeAssignment(member.memberAssignment).flatMap(({ topic, partitions }) => {
        return partitions.map((partition) => `${topic}/${partition}`);
      }),
    })),
    offsets: await committedOffsets(session, name),
  };
}

function renderGroup(group: GroupDescription, wide: boolean): string {
  const lag = group.offsets.reduce((sum, one) => sum + Math.max(one.lag, 0), 0);
  const summary = renderColumns({
    headings: ['GROUP', 'STATE', 'PROTOCOL', 'MEMBERS', 'TOTAL-LAG'],
    rows: [[group.group, group.state, group.protocol, group.members.length, lag]],
  });
  const offsets = renderColumns({
    headings: ['TOPIC', 'PARTITION', 'COMMITTED-OFFSET', 'HIGH-WATERMARK', 'LAG'],
    rows: group.offsets.map((one) => [one.topic, one.partition, one.committed, one.highWatermark, one.lag]),
  });
  const members = renderColumns({
    headings: ['MEMBER', ...(wide ? ['INSTANCE'] : []), 'CLIENT', 'HOST', 'ASSIGNED'],
    rows: group.members.map((one) => {
      return [one.id, ...(wide ? [one.instanceId ?? '-'] : []), one.clientId, one.host, one.assigned.join(' ')];
    }),
  });
  return [summary, offsets, ...(group.members.length === 0 ? [] : [members])].join('\n');
}

/** Deletes groups with all they have committed, after asking. A group with members is refused by the server. */
export async function deleteGroups(
  names: readonly string[],
  options: ClientOptions & Form & { readonly yes?: boolean },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await confirm(terminal, `delete the groups ${names.join(', ')} with their offsets`, options.yes === true);
  await using session = await openSession(options);
  const { results } = await session.send(deleteGroupsApi, { groupsNames: [...names] });
  const changes = results.map(({ groupId, errorCode }): Change => {
    return { name: groupId, errorCode, status: statusText(errorCode) };
  });
  return reportChanges('group', changes, options, terminal);
}

/** Deletes what `group` has committed for the topics, or partitions (`topic:0,1`), that are named. */
export async function deleteOffsets(
  group: string,
  options: ClientOptions & Form & { readonly topics: readonly string[] },
  terminal: Terminal,
): Promise<ExitCodeNumber> {
  await using session = await openCoordinator(options, group);
  const committed = await committedOffsets(session, group);
  const topics = options.topics.map((text) => parseTopicPartitions(text, committed));
  const response = await session.send(offsetDeleteApi, { groupId: group, topics });
  check(response.errorCode, `group ${group}`);
  const changes = response.topics.flatMap(({ name, partitions }) => {
    return partitions.map(({ partitionIndex, errorCode }): Change => {
      return { name: `${name}/${partitionIndex}`, errorCode, status: statusText(errorCode) };
    });
  });
  return reportChanges('partition', changes, options, terminal);
}

/** `topic`, meaning all that is committed of it, or `topic:0,1`. */
function parseTopicPartitions(text: string, committed: readonly CommittedPartition[]) {
  const [name = '', list] = text.split(':');
  const wanted = list === undefined ? undefined : list.split(',');
  if (name === '' || wanted?.some((one) => !/^\d{1,9}$/.test(one))) throw usage(`'${text}' is not TOPIC or TOPIC:0,1`);
  const partitions =
    wanted?.map(Number) ?? committed.filter((one) => one.topic === name).map(({ partition }) => partition);
  return { name, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) };
}
