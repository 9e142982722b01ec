/**
 * A table that can be sorted, whose rows may lead somewhere.
 *
 * Not for a hundred thousand rows at once: it shows what fits a page and says how many more there are. To remember: the
 * link of a row is a link, so it can be opened, copied and reached by keyboard.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { count } from './format.ts';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What it is sorted by; a column without cannot be sorted by. */
  readonly order?: (row: Row) => number | string;
  readonly isNumber?: boolean;
  readonly hint?: string;
}

interface TableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly empty?: ComponentChildren;
}

const PAGE = 200;

export function Table<Row>({ label, rows, columns, keyOf, empty }: TableProps<Row>): JSX.Element {
  const [sort, setSort] = useState<{ title: string; isDown: boolean }>();
  const [shown, setShown] = useState(PAGE);
  if (rows.length === 0) return <div class="none">{empty ?? 'Nothing here yet.'}</div>;
  const sorted = sortRows(rows, columns, sort);
  return (
    <div class="table">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ title, order, isNumber, hint }) => {
              const direction = sort?.title !== title ? undefined : sort.isDown ? 'descending' : 'ascending';
              const turn = (): void =>
                setSort({ title, isDown: direction === undefined ? isNumber === true : !sort?.isDown });
              return (
                <th key={title} class={isNumber ? 'number' : ''} scope="col" title={hint} aria-sort={direction}>
                  {order ? (
                    <button type="button" onClick={turn}>
                      {title}
                      <span class="arrow">{direction === undefined ? '' : sort?.isDown ? '↓' : '↑'}</span>
                    </button>
                  ) : (
                    title
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, shown).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, cell, isNumber }) => (
                <td key={title} class={isNumber ? 'number' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown && (
        <button type="button" class="more" onClick={() => setShown(shown + PAGE)}>
          Show more of the other {count(rows.length - shown)}
        </button>
      )}
    </div>
  );
}

function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: { title: string; isDown: boolean } | undefined,
): readonly Row[] {
  const order = columns.find(({ title }) => title === sort?.title)?.order;
  if (!order || !sort) return rows;
  const sign = sort.isDown ? -1 : 1;
  return [...rows].sort((left, right) => {
    const [a, b] = [order(left), order(right)];
    return a === b ? 0 : a < b ? -sign : sign;
  });
}
