/** Settings with value, where it comes from, default and meaning; those that were given come first. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SettingRow } from '../api.ts';
import { bytes, duration } from './format.ts';
import { Table } from './table.tsx';

/** Values that mean "no limit", in words. */
const UNLIMITED = /^(-1|9223372036854775807)$/;

function readable({ value, unit }: SettingRow): string {
  const amount = Number(value);
  if (value === '' || !Number.isFinite(amount)) return '';
  if (UNLIMITED.test(value)) return 'no limit';
  if (unit === 'bytes' && amount >= 1000) return bytes(amount);
  if (unit === 'ms' && amount >= 1000) return duration(amount / 1000);
  return '';
}

export function SettingsTable({ settings }: { settings: readonly SettingRow[] }): JSX.Element {
  const [filter, setFilter] = useState('');
  const text = filter.toLowerCase();
  const wanted = settings.filter(({ name, doc }) => name.includes(text) || doc.toLowerCase().includes(text));
  const rows = [...wanted].sort(
    (left, right) => Number(right.source !== 'default') - Number(left.source !== 'default'),
  );
  return (
    <>
      <div class="bar">
        <input
          type="search"
          data-filter
          aria-label="Filter settings"
          placeholder="Filter by name or meaning  /"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <Table
        label="Settings"
        rows={rows}
        keyOf={(row) => row.name}
        empty="No setting is called so."
        columns={[
          { title: 'Name', order: (row) => row.name, cell: (row) => <code>{row.name}</code> },
          {
            title: 'Value',
            cell: (row) => (
              <>
                <code class={row.source === 'default' ? '' : 'given'}>{row.value === '' ? '(empty)' : row.value}</code>{' '}
                <span class="dim">{readable(row)}</span>
              </>
            ),
          },
          {
            title: 'From',
            order: (row) => row.source,
            cell: (row) => <span class={`pill ${row.source}`}>{row.source}</span>,
          },
          {
            title: 'Meaning',
            cell: (row) => (
              <span class="doc">
                {row.doc}
                {row.effect === 'accepted' && <em> Accepted, without an effect.</em>}
                {row.source !== 'default' && (
                  <span class="dim"> Default: {row.default === '' ? '(empty)' : row.default}.</span>
                )}
              </span>
            ),
          },
        ]}
      />
    </>
  );
}
