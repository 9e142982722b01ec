/** The segments of a topic: which files its partitions lie in, and what is known of their indexes. */

import type { JSX } from 'preact';
import type { SegmentRow, SegmentsView } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, moment } from './format.ts';
import { useView } from './load.ts';
import { type Column, Table } from './table.tsx';

export function Segments({ topic }: { topic: string }): JSX.Element {
  const view = useView<SegmentsView>('segments', { topic });
  return <Await of={view}>{(value) => <Content view={value} />}</Await>;
}

function Content({ view }: { view: SegmentsView }): JSX.Element {
  return (
    <>
      <Table
        label="Segments"
        rows={view.segments}
        columns={columns}
        keyOf={(row) => `${row.partition}/${row.file}/${row.base}`}
        empty="Nothing is settled yet: what was appended lies in the journal."
      />
      {view.more > 0 && <p class="dim">And {count(view.more)} older ones.</p>}
      <p class="dim">
        Newest first. What is newer than these lies in the journal until it is settled. An index lies beside its segment
        and is read when a read wants it; one that is unreadable costs time and no data: <code>millrace repair</code>{' '}
        makes it anew.
      </p>
    </>
  );
}

const kinds: Readonly<Record<SegmentRow['kind'], string>> = {
  own: 'of this partition alone',
  shared: 'shared with other partitions',
  bulk: 'large batches, as they were appended',
  compacted: 'what compaction has left',
};

const columns: readonly Column<SegmentRow>[] = [
  { title: 'Partition', isNumber: true, order: (row) => row.partition, cell: (row) => row.partition },
  { title: 'From', isNumber: true, order: (row) => row.base, cell: (row) => count(row.base) },
  { title: 'Up to', isNumber: true, order: (row) => row.end, cell: (row) => count(row.end - 1) },
  { title: 'Size', isNumber: true, order: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  {
    title: 'Newest record',
    order: (row) => row.maxTimestamp,
    cell: (row) => (row.maxTimestamp < 0 ? '' : moment(row.maxTimestamp)),
  },
  { title: 'File', isNumber: true, order: (row) => row.file, cell: (row) => count(row.file) },
  { title: 'Kind', order: (row) => row.kind, cell: (row) => <span title={kinds[row.kind]}>{row.kind}</span> },
  {
    title: 'Index',
    order: (row) => row.index,
    cell: (row) =>
      row.index === 'unreadable' ? (
        <b class="error">unreadable</b>
      ) : (
        `${row.index}${row.indexEntries > 1 ? `, ${count(row.indexEntries)} entries` : ''}`
      ),
    hint: 'Nothing is read to find out: an index that no read has wanted is merely there',
  },
];
