/** The journal at work: flush latency, group commit, what waits to be settled, what lies on the disk. */

import type { JSX } from 'preact';
import type { HistogramBar, Sample, StorageView } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, milliseconds, plural, rate } from './format.ts';
import { useView } from './load.ts';
import { Plot } from './plot.tsx';
import { timesOf, useSamples } from './samples.ts';
import { Table } from './table.tsx';

export function Storage(): JSX.Element {
  const view = useView<StorageView>('storage');
  const samples = useSamples();
  return (
    <>
      <header class="head">
        <h1>Storage</h1>
        <p class="dim">{view.value?.dir ?? ''}</p>
      </header>
      <Await of={view}>{(value) => <Content view={value} samples={samples} />}</Await>
    </>
  );
}

function Content({ view, samples }: { view: StorageView; samples: readonly Sample[] }): JSX.Element {
  const times = timesOf(samples);
  const of = (read: (sample: Sample) => number | null): (number | null)[] => samples.map(read);
  return (
    <>
      <section class="tiles" aria-label="Since the start">
        <Figure
          title="Flush p50"
          value={milliseconds(view.flush.p50)}
          note={`${count(view.flushes)} flushes since the start`}
        />
        <Figure
          title="Flush p99"
          value={milliseconds(view.flush.p99)}
          note={`p99.9 ${milliseconds(view.flush.p999)}`}
        />
        <Figure
          title="Frames a commit"
          value={view.commits === 0 ? '0' : (view.frames / view.commits).toFixed(1)}
          note={`${count(view.frames)} frames in ${count(view.commits)} commits`}
        />
        <Figure
          title="Not yet settled"
          value={bytes(view.unsettledBytes)}
          note={`${plural(view.laps, 'journal lap')}, settled ${plural(view.settles, 'time')}`}
        />
        <Figure
          title="Not yet durable"
          value={count(view.appendedLsn - view.durableLsn)}
          note={`frames; LSN ${count(view.durableLsn)} is durable`}
        />
      </section>
      <section class="plots">
        <Plot
          title="Flush latency"
          times={times}
          format={milliseconds}
          note="Flushes and writes that are durable by themselves, each second's own percentiles"
          series={[
            { label: 'p99', colour: 'b', values: of((one) => one.flushP99) },
            { label: 'p50', colour: 'a', values: of((one) => one.flushP50) },
          ]}
        />
        <Plot
          title="Group commit"
          times={times}
          format={(value) => (value === null ? '–' : value.toFixed(1))}
          note="Frames that share one write, and one flush"
          series={[{ label: 'frames a commit', colour: 'c', fill: true, values: of((one) => one.frames) }]}
        />
        <Plot
          title="Commits and flushes"
          times={times}
          format={(value) => `${rate(value)}/s`}
          series={[
            { label: 'commits', colour: 'a', values: of((one) => one.commits) },
            { label: 'flushes', colour: 'b', values: of((one) => one.flushes) },
          ]}
        />
        <Plot
          title="Bytes to and from the disk"
          times={times}
          format={(value) => `${bytes(value)}/s`}
          series={[
            { label: 'written', colour: 'a', fill: true, values: of((one) => one.bytesWritten) },
            { label: 'read', colour: 'd', values: of((one) => one.bytesRead) },
          ]}
        />
        <Plot
          title="Waits to be settled"
          times={times}
          format={bytes}
          series={[{ label: 'bytes', colour: 'c', fill: true, values: of((one) => one.unsettledBytes) }]}
        />
        <div class="card">
          <h3>Flush durations since the start</h3>
          <Bars bars={view.flushBars} format={milliseconds} label="Flush durations" />
        </div>
      </section>
      <Disk view={view} />
    </>
  );
}

function Figure({ title, value, note }: { title: string; value: string; note: string }): JSX.Element {
  return (
    <div class="card tile">
      <h3>{title}</h3>
      <strong>{value}</strong>
      <span class="dim">{note}</span>
    </div>
  );
}

interface BarsProps {
  readonly bars: readonly HistogramBar[];
  readonly format: (value: number) => string;
  readonly label: string;
}

function Bars({ bars, format, label }: BarsProps): JSX.Element {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  if (bars.length === 0) return <p class="dim">Nothing was flushed yet.</p>;
  return (
    <table class="plain bars" aria-label={label}>
      <tbody>
        {bars.map((bar) => (
          <tr key={bar.upTo}>
            <th scope="row">up to {format(bar.upTo)}</th>
            <td>
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect width={(bar.count / most) * 100} height="8" />
              </svg>
            </td>
            <td class="number">{count(bar.count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Disk({ view }: { view: StorageView }): JSX.Element {
  return (
    <section class="columns">
      <div>
        <h2 class="section">On the disk</h2>
        <Table
          label="Folders"
          rows={view.folders}
          keyOf={(row) => row.name}
          empty="A simulated disk keeps its files in memory."
          columns={[
            { title: 'Folder', cell: (row) => <code>{row.name}</code> },
            { title: 'Files', isNumber: true, cell: (row) => count(row.files) },
            { title: 'Size', isNumber: true, cell: (row) => bytes(row.bytes) },
          ]}
        />
      </div>
      <div>
        <h2 class="section">Stores</h2>
        <Table
          label="Stores"
          rows={view.stores}
          keyOf={(row) => row.name}
          empty="There are no key-value stores."
          columns={[
            { title: 'Store', cell: (row) => <a href={`#/keys/${encodeURIComponent(row.name)}`}>{row.name}</a> },
            { title: 'Keys', isNumber: true, cell: (row) => count(row.keys) },
            { title: 'Files', isNumber: true, cell: (row) => bytes(row.fileBytes) },
            {
              title: 'Dead',
              isNumber: true,
              cell: (row) => (row.fileBytes === 0 ? '–' : `${((row.deadBytes / row.fileBytes) * 100).toFixed(0)} %`),
            },
            { title: 'In memory', isNumber: true, cell: (row) => bytes(row.keydirBytes + row.memtableBytes) },
          ]}
        />
      </div>
    </section>
  );
}
