/** One topic: its messages, its partitions with every watermark, who reads it, and its settings, each under a tab. */

import type { JSX } from 'preact';
import type { PartitionRow, TopicView } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, moment, plural, rate } from './format.ts';
import { useView } from './load.ts';
import { Messages } from './messages.tsx';
import { linkTo } from './place.ts';
import { Segments } from './segments.tsx';
import { SettingsTable } from './settings-table.tsx';
import { type Column, Table } from './table.tsx';
import { Tabs } from './tabs.tsx';
import { Watermarks } from './watermarks.tsx';

export function TopicPage({ name, tab }: { name: string; tab: string }): JSX.Element {
  const view = useView<TopicView>('topic', { topic: name });
  return <Await of={view}>{(topic) => <Content topic={topic} tab={tab} />}</Await>;
}

function Content({ topic, tab }: { topic: TopicView; tab: string }): JSX.Element {
  const records = topic.partitions.reduce((sum, { highWatermark, logStart }) => sum + highWatermark - logStart, 0);
  const size = topic.partitions.reduce((sum, { bytes: of }) => sum + of, 0);
  const path = (name: string): string => linkTo(['topics', topic.name, name]);
  return (
    <>
      <nav class="crumbs" aria-label="Above">
        <a href="#/topics">Topics</a>
      </nav>
      <header class="head">
        <h1>{topic.name}</h1>
        <p class="dim">
          {count(records)} records · {bytes(size)} · {rate(topic.rate)}/s · since {moment(topic.createdMs).slice(0, 16)}
        </p>
      </header>
      <Tabs
        current={tab}
        tabs={[
          { name: 'messages', title: 'Messages', link: path('messages') },
          { name: 'partitions', title: `Partitions ${topic.partitions.length}`, link: path('partitions') },
          { name: 'segments', title: 'Segments', link: path('segments') },
          { name: 'groups', title: `Groups ${topic.groups.length}`, link: path('groups') },
          { name: 'settings', title: 'Settings', link: path('settings') },
        ]}
      />
      {tab === 'messages' && <Messages topic={topic} />}
      {tab === 'partitions' && <Partitions topic={topic} />}
      {tab === 'segments' && <Segments topic={topic.name} />}
      {tab === 'groups' && <Groups topic={topic} />}
      {tab === 'settings' && <SettingsTable settings={topic.settings} />}
    </>
  );
}

function Partitions({ topic }: { topic: TopicView }): JSX.Element {
  const columns: readonly Column<PartitionRow>[] = [
    {
      title: 'Partition',
      order: (row) => row.partition,
      cell: ({ partition }) => <a href={linkTo(['topics', topic.name, 'messages'], { partition })}>{partition}</a>,
    },
    { title: 'Log start', isNumber: true, cell: (row) => count(row.logStart) },
    {
      title: 'Last stable',
      isNumber: true,
      cell: (row) => count(row.lastStable),
      hint: 'Below: of no open transaction',
    },
    { title: 'Durable', isNumber: true, cell: (row) => count(row.durable), hint: 'Below: survives a power cut' },
    {
      title: 'Written',
      isNumber: true,
      cell: (row) => count(row.highWatermark),
      hint: 'The high watermark: below, readers see it and it survives kill -9',
    },
    { title: 'Log end', isNumber: true, order: (row) => row.logEnd, cell: (row) => count(row.logEnd) },
    { title: 'From start to end', cell: (row) => <Watermarks marks={row} /> },
    { title: 'Size', isNumber: true, order: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
    {
      title: 'Open',
      isNumber: true,
      order: (row) => row.openTransactions,
      cell: (row) => count(row.openTransactions),
      hint: 'Open transactions',
    },
  ];
  return (
    <>
      <Table label="Partitions" rows={topic.partitions} columns={columns} keyOf={(row) => String(row.partition)} />
      <p class="legend dim">
        <span>
          <i class="key durable" /> survives a power cut
        </span>
        <span>
          <i class="key written" /> written, not yet durable
        </span>
        <span>
          <i class="key memory" /> in memory
        </span>
        <span>
          <i class="key stable" /> last stable offset
        </span>
      </p>
    </>
  );
}

function Groups({ topic }: { topic: TopicView }): JSX.Element {
  return (
    <Table
      label="Groups that read this topic"
      rows={topic.groups}
      keyOf={(row) => row.group}
      empty="No group has committed an offset of this topic."
      columns={[
        {
          title: 'Group',
          order: (row) => row.group,
          cell: ({ group }) => <a href={linkTo(['groups', group])}>{group}</a>,
        },
        { title: 'Members', isNumber: true, order: (row) => row.members, cell: (row) => plural(row.members, 'member') },
        { title: 'Lag', isNumber: true, order: (row) => row.lag, cell: (row) => count(row.lag) },
      ]}
    />
  );
}
