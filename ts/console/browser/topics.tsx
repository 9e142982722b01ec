/** All topics: sizes, rates, retention, with a filter and favourites that this browser remembers. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { TopicRow, TopicsView } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, plural, rate, retention } from './format.ts';
import { Icon } from './icons.tsx';
import { useView } from './load.ts';
import { linkTo, setQuery, usePlace } from './place.ts';
import { type Column, Table } from './table.tsx';

const KEPT = 'millrace.favourites';

function favourites(): Set<string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT) ?? '[]');
    return new Set(Array.isArray(kept) ? kept.filter((name): name is string => typeof name === 'string') : []);
  } catch {
    return new Set();
  }
}

export function Topics(): JSX.Element {
  const view = useView<TopicsView>('topics');
  const { query } = usePlace();
  const filter = query.get('filter') ?? '';
  return (
    <>
      <header class="head">
        <h1>Topics</h1>
        <input
          type="search"
          data-filter
          aria-label="Filter topics by name"
          placeholder="Filter by name  /"
          value={filter}
          onInput={(event) => setQuery({ filter: event.currentTarget.value })}
        />
      </header>
      <Await of={view}>{({ topics }) => <List topics={topics} filter={filter} />}</Await>
    </>
  );
}

function List({ topics, filter }: { topics: readonly TopicRow[]; filter: string }): JSX.Element {
  const [starred, setStarred] = useState(favourites);
  const star = (name: string): void => {
    const next = new Set(starred);
    if (!next.delete(name)) next.add(name);
    localStorage.setItem(KEPT, JSON.stringify([...next]));
    setStarred(next);
  };
  const wanted = topics.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()));
  const rows = [...wanted].sort((left, right) => Number(starred.has(right.name)) - Number(starred.has(left.name)));
  const columns: readonly Column<TopicRow>[] = [
    {
      title: '★',
      hint: 'Favourites come first',
      cell: ({ name }) => (
        <button
          type="button"
          class={`star ${starred.has(name) ? 'on' : ''}`}
          aria-pressed={starred.has(name)}
          aria-label={`Favourite ${name}`}
          onClick={() => star(name)}
        >
          <Icon name="star" />
        </button>
      ),
    },
    { title: 'Name', order: (row) => row.name, cell: ({ name }) => <a href={linkTo(['topics', name])}>{name}</a> },
    { title: 'Partitions', isNumber: true, order: (row) => row.partitions, cell: (row) => count(row.partitions) },
    { title: 'Records', isNumber: true, order: (row) => row.records, cell: (row) => count(row.records) },
    { title: 'Rate', isNumber: true, order: (row) => row.rate ?? -1, cell: (row) => `${rate(row.rate)}/s` },
    { title: 'Size', isNumber: true, order: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
    { title: 'Kept', cell: (row) => retention(row.retentionMs, row.retentionBytes) },
    { title: 'Cleanup', order: (row) => row.cleanup, cell: (row) => <span class="pill">{row.cleanup}</span> },
  ];
  return (
    <>
      <p class="dim count">
        {filter === '' ? plural(topics.length, 'topic') : `${count(rows.length)} of ${plural(topics.length, 'topic')}`}
      </p>
      <Table
        label="Topics"
        rows={rows}
        columns={columns}
        keyOf={(row) => row.name}
        empty={filter === '' ? <NoTopics /> : 'No topic has such a name.'}
      />
    </>
  );
}

function NoTopics(): JSX.Element {
  return (
    <>
      There are no topics yet. <code>millrace topic create orders -p 4</code> makes one, and so does the first record
      that is produced.
    </>
  );
}
