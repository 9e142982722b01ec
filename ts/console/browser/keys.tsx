/** Key-value stores: all of them, and the keys of one as a tree of prefixes. */

import type { JSX } from 'preact';
import type { StoreRow } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, plural } from './format.ts';
import { useView } from './load.ts';
import { linkTo, setQuery, usePlace } from './place.ts';
import { type Column, Table } from './table.tsx';

/** What a store is, by its name. */
function meaning(name: string): string {
  const [, database, part] = /^redis-(\d+)(-heads|-members)?$/.exec(name) ?? [];
  if (database === undefined) return 'embedded';
  if (part === '-heads') return `Redis ${database}: lists, sets, hashes`;
  return part === '-members' ? `Redis ${database}: members of those` : `Redis ${database}: strings`;
}

const columns: readonly Column<StoreRow>[] = [
  { title: 'Store', order: (row) => row.name, cell: ({ name }) => <a href={linkTo(['keys', name])}>{name}</a> },
  { title: 'What', cell: ({ name }) => <span class="dim">{meaning(name)}</span> },
  { title: 'Keys', isNumber: true, order: (row) => row.keys, cell: (row) => count(row.keys) },
  {
    title: 'Memory',
    isNumber: true,
    order: (row) => row.keydirBytes + row.memtableBytes,
    cell: (row) => bytes(row.keydirBytes + row.memtableBytes),
    hint: 'Keys, and writes that are not settled yet',
  },
  { title: 'On disk', isNumber: true, order: (row) => row.fileBytes, cell: (row) => bytes(row.fileBytes) },
  {
    title: 'Dead',
    isNumber: true,
    order: dead,
    cell: (row) => `${(dead(row) * 100).toFixed(0)} %`,
    hint: 'Bytes no key needs',
  },
  { title: 'Snapshots', isNumber: true, cell: (row) => count(row.snapshots) },
  { title: '', cell: (row) => row.isMerging && <span class="pill good">merging</span> },
];

/** The share of a store's files that no key needs. */
export function dead({ deadBytes, fileBytes }: StoreRow): number {
  return fileBytes === 0 ? 0 : deadBytes / fileBytes;
}

export function Stores(): JSX.Element {
  const view = useView<{ readonly stores: readonly StoreRow[] }>('stores');
  const { query } = usePlace();
  const showsAll = query.has('all');
  return (
    <>
      <header class="head">
        <h1>Keys</h1>
        <p class="dim">Key-value stores; each of Redis’ databases lies in three of them.</p>
      </header>
      <Await of={view}>
        {({ stores }) => {
          const filled = stores.filter(({ keys }) => keys > 0);
          return (
            <>
              <p class="dim count">
                {plural(filled.length, 'store')} with keys
                {stores.length > filled.length && (
                  <>
                    {' · '}
                    <button type="button" class="link" onClick={() => setQuery({ all: showsAll ? undefined : 1 })}>
                      {showsAll ? 'hide' : 'show'} {count(stores.length - filled.length)} empty
                    </button>
                  </>
                )}
              </p>
              <Table
                label="Stores"
                rows={showsAll ? stores : filled}
                columns={columns}
                keyOf={(row) => row.name}
                empty="There are no keys yet."
              />
            </>
          );
        }}
      </Await>
    </>
  );
}
