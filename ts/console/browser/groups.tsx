/** All consumer groups with how far they are behind; a filter that stands in the address. */

import type { JSX } from 'preact';
import type { GroupRow, GroupsView } from '../api.ts';
import { Await } from './empty.tsx';
import { count, plural } from './format.ts';
import { useView } from './load.ts';
import { linkTo, setQuery, usePlace } from './place.ts';
import { type Column, Table } from './table.tsx';

/** What the kinds of groups are called. */
export const kinds: Record<GroupRow['kind'], string> = {
  classic: 'classic protocol',
  consumer: 'KIP-848',
  offsets: 'offsets only',
};

const columns: readonly Column<GroupRow>[] = [
  { title: 'Group', order: (row) => row.group, cell: ({ group }) => <a href={linkTo(['groups', group])}>{group}</a> },
  { title: 'State', order: (row) => row.state, cell: ({ state }) => <span class={`pill ${state}`}>{state}</span> },
  { title: 'Kind', order: (row) => row.kind, cell: ({ kind }) => <span class="dim">{kinds[kind]}</span> },
  { title: 'Members', isNumber: true, order: (row) => row.members, cell: (row) => count(row.members) },
  { title: 'Topics', isNumber: true, order: (row) => row.topics, cell: (row) => count(row.topics) },
  {
    title: 'Lag',
    isNumber: true,
    order: (row) => row.lag,
    cell: ({ lag }) => <b class={lag === 0 ? 'dim' : ''}>{count(lag)}</b>,
    hint: 'Records up to the high watermark that the group has not committed',
  },
];

export function Groups(): JSX.Element {
  const view = useView<GroupsView>('groups');
  const { query } = usePlace();
  const filter = query.get('filter') ?? '';
  return (
    <>
      <header class="head">
        <h1>Groups</h1>
        <input
          type="search"
          data-filter
          aria-label="Filter groups by name"
          placeholder="Filter by name  /"
          value={filter}
          onInput={(event) => setQuery({ filter: event.currentTarget.value })}
        />
      </header>
      <Await of={view}>
        {({ groups }) => {
          const rows = groups.filter(({ group }) => group.toLowerCase().includes(filter.toLowerCase()));
          return (
            <>
              <p class="dim count">
                {filter === ''
                  ? plural(groups.length, 'group')
                  : `${count(rows.length)} of ${plural(groups.length, 'group')}`}
              </p>
              <Table
                label="Groups"
                rows={rows}
                columns={columns}
                keyOf={(row) => row.group}
                empty={
                  filter === ''
                    ? 'No consumer has joined a group or committed an offset yet.'
                    : 'No group is called so.'
                }
              />
            </>
          );
        }}
      </Await>
    </>
  );
}
