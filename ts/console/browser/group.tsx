/** One group: what each partition lacks, who has it, and moving its offsets. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { GroupMember, GroupPartition, GroupView } from '../api.ts';
import { Await } from './empty.tsx';
import { ago, count, DASH, plural } from './format.ts';
import { kinds } from './groups.tsx';
import { useView } from './load.ts';
import { linkTo } from './place.ts';
import { SeekDialog } from './seek-dialog.tsx';
import { type Column, Table } from './table.tsx';

export function GroupPage({ name, mayWrite }: { name: string; mayWrite: boolean }): JSX.Element {
  const view = useView<GroupView>('group', { group: name });
  const [isSeeking, setSeeking] = useState(false);
  return (
    <>
      <nav class="crumbs" aria-label="Above">
        <a href="#/groups">Groups</a>
      </nav>
      <Await of={view}>
        {(group) => (
          <>
            <header class="head">
              <h1>{group.group}</h1>
              <span class={`pill ${group.state}`}>{group.state}</span>
              <p class="dim">
                {kinds[group.kind]}
                {group.protocol !== '' && `, ${group.protocol}`} · {plural(group.members, 'member')} · lag{' '}
                {count(group.lag)}
              </p>
              <button type="button" class="right" onClick={() => setSeeking(true)}>
                Seek…
              </button>
            </header>
            <h2 class="section">Partitions</h2>
            <Partitions group={group} />
            <h2 class="section">Members</h2>
            <Members members={group.memberList} />
            {isSeeking && <SeekDialog group={group} mayWrite={mayWrite} onClose={() => setSeeking(false)} />}
          </>
        )}
      </Await>
    </>
  );
}

const partitionColumns: readonly Column<GroupPartition>[] = [
  {
    title: 'Topic',
    order: (row) => row.topic,
    cell: ({ topic }) => <a href={linkTo(['topics', topic, 'partitions'])}>{topic}</a>,
  },
  { title: 'Partition', isNumber: true, order: (row) => row.partition, cell: (row) => row.partition },
  {
    title: 'Committed',
    isNumber: true,
    cell: ({ topic, partition, committed }) =>
      committed === null ? (
        DASH
      ) : (
        <a href={linkTo(['topics', topic, 'messages'], { partition, from: 'offset', at: committed })}>
          {count(committed)}
        </a>
      ),
  },
  { title: 'End', isNumber: true, cell: (row) => (row.end === null ? 'gone' : count(row.end)) },
  { title: 'Lag', isNumber: true, order: (row) => row.lag ?? -1, cell: (row) => <b>{count(row.lag)}</b> },
  { title: 'How far', cell: (row) => <Share row={row} /> },
  { title: 'Committed at', cell: (row) => (row.committedMs === null ? DASH : ago(row.committedMs)) },
  {
    title: 'Member',
    order: (row) => row.member ?? '',
    cell: (row) => <span class="dim wrap">{row.member ?? DASH}</span>,
  },
];

function Partitions({ group }: { group: GroupView }): JSX.Element {
  return (
    <Table
      label="Partitions of the group"
      rows={group.partitions}
      columns={partitionColumns}
      keyOf={(row) => `${row.topic}/${row.partition}`}
      empty="The group has committed nothing yet."
    />
  );
}

/** How much of what the log still has was committed. */
function Share({ row }: { row: GroupPartition }): JSX.Element | null {
  if (row.committed === null || row.start === null || row.end === null) return null;
  const span = Math.max(1, row.end - row.start);
  const share = Math.min(100, Math.max(0, ((row.committed - row.start) / span) * 100));
  return (
    <svg
      class="marks"
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${share.toFixed(0)} percent`}
    >
      <rect class="track" width="100" height="8" />
      <rect class="durable" width={share} height="8" />
    </svg>
  );
}

const memberColumns: readonly Column<GroupMember>[] = [
  { title: 'Client', order: (row) => row.clientId, cell: (row) => row.clientId },
  { title: 'Host', cell: (row) => row.host },
  { title: 'Member', cell: (row) => <span class="dim wrap">{row.instanceId ?? row.id}</span> },
  {
    title: 'Partitions',
    cell: ({ partitions }) =>
      partitions.length === 0
        ? DASH
        : partitions
            .map(({ topic, partitions: of }) => `${topic}: ${[...of].sort((a, b) => a - b).join(', ')}`)
            .join('; '),
  },
];

function Members({ members }: { members: readonly GroupMember[] }): JSX.Element {
  return (
    <Table
      label="Members"
      rows={members}
      columns={memberColumns}
      keyOf={(row) => row.id}
      empty="Nobody is in the group right now."
    />
  );
}
