/** What the viewer has found, a row a record; a row opens in place, by click or by Enter, arrows go from row to row. */

import type { JSX } from 'preact';
import type { Bytes, RecordRow } from '../api.ts';
import { DASH, moment } from './format.ts';
import { MessageDetail } from './message-detail.tsx';
import { setQuery } from './place.ts';

interface ListProps {
  readonly topic: string;
  readonly rows: readonly RecordRow[];
  /** `partition:offset` of the one that is open. */
  readonly open: string;
  readonly isRunning: boolean;
}

/** Names a record within its topic. */
export const nameOf = ({ partition, offset }: RecordRow): string => `${partition}:${offset}`;

export function MessageList({ topic, rows, open, isRunning }: ListProps): JSX.Element {
  if (rows.length === 0) return <div class="none">{isRunning ? 'Nothing yet.' : 'No such records.'}</div>;
  return (
    <div class="table messages">
      <table aria-label="Messages">
        <thead>
          <tr>
            <th scope="col" class="number">
              Offset
            </th>
            <th scope="col">Partition</th>
            <th scope="col">Time</th>
            <th scope="col">Key</th>
            <th scope="col">Value</th>
            <th scope="col" class="number">
              Headers
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row key={nameOf(row)} topic={topic} row={row} isOpen={open === nameOf(row)} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ topic, row, isOpen }: { topic: string; row: RecordRow; isOpen: boolean }): JSX.Element {
  const toggle = (): void => setQuery({ open: isOpen ? undefined : nameOf(row) });
  return (
    <>
      <tr class={isOpen ? 'open' : ''} onClick={toggle}>
        <td class="number">
          <button
            type="button"
            class="cell"
            data-row
            onKeyDown={walk}
            aria-expanded={isOpen}
            onClick={(event) => {
              event.stopPropagation();
              toggle();
            }}
          >
            {row.offset}
          </button>
        </td>
        <td>{row.partition}</td>
        <td class="when">{moment(row.timestamp)}</td>
        <td class="mono key-cell">
          <Preview content={row.key} />
        </td>
        <td class="mono value-cell">
          <Preview content={row.value} />
        </td>
        <td class="number">{row.headerCount === 0 ? DASH : row.headerCount}</td>
      </tr>
      {isOpen && (
        <tr class="detail">
          <td colSpan={6}>
            <MessageDetail topic={topic} partition={row.partition} offset={row.offset} />
          </td>
        </tr>
      )}
    </>
  );
}

/** Up and down go from row to row. */
function walk(event: KeyboardEvent): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = rows[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

function Preview({ content }: { content: Bytes | null }): JSX.Element {
  if (content === null) return <span class="dim">null</span>;
  if (content.size === 0) return <span class="dim">empty</span>;
  if (content.text !== undefined) return <span class="clip">{content.text.slice(0, 300)}</span>;
  const start = atob((content.base64 ?? '').slice(0, 48));
  return (
    <span class="clip dim">
      {Array.from(start, (one) => one.charCodeAt(0).toString(16).padStart(2, '0')).join(' ')}
    </span>
  );
}
