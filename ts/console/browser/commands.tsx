/** Commands of Redis clients: how often, and how long. */

import type { JSX } from 'preact';
import type { CommandRow, CommandsView } from '../api.ts';
import { Await } from './empty.tsx';
import { count, duration } from './format.ts';
import { useView } from './load.ts';
import { type Column, Table } from './table.tsx';

export function Commands(): JSX.Element {
  const view = useView<CommandsView>('commands');
  return (
    <>
      <header class="head">
        <h1>Commands</h1>
        <p class="dim">Of Redis clients, since the start. Waiting for the disk or for a flush is not in their time.</p>
      </header>
      <Await of={view}>
        {({ isServed, commands }) => (
          <Table
            label="Commands"
            rows={commands}
            columns={columns}
            keyOf={(row) => row.command}
            empty={isServed ? 'No command was called yet.' : 'Redis is not served: start the server with --redis.'}
          />
        )}
      </Await>
    </>
  );
}

const columns: readonly Column<CommandRow>[] = [
  { title: 'Command', order: (row) => row.command, cell: (row) => <code>{row.command.replace('|', ' ')}</code> },
  { title: 'Calls', isNumber: true, order: (row) => row.calls, cell: (row) => count(row.calls) },
  { title: 'Each', isNumber: true, order: (row) => row.meanUs, cell: (row) => `${row.meanUs.toFixed(1)} µs` },
  {
    title: 'In all',
    isNumber: true,
    order: (row) => row.seconds,
    cell: (row) => (row.seconds < 1 ? `${(row.seconds * 1000).toFixed(1)} ms` : duration(row.seconds)),
  },
];
