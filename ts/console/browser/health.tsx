/** How the server is, and the account of how it came up: what was kept, cut, and lost. */

import type { JSX } from 'preact';
import type { HealthView, RecoveryPartition } from '../api.ts';
import { Doctor } from './doctor.tsx';
import { Await } from './empty.tsx';
import { bytes, count, duration, milliseconds, moment, plural } from './format.ts';
import { useView } from './load.ts';
import { type Column, Table } from './table.tsx';

export function Health(): JSX.Element {
  const view = useView<HealthView>('health');
  return (
    <>
      <header class="head">
        <h1>Health</h1>
      </header>
      <Await of={view}>{(value) => <Content view={value} />}</Await>
    </>
  );
}

function Content({ view }: { view: HealthView }): JSX.Element {
  const { recovery } = view;
  return (
    <>
      {view.isReady ? (
        <p class="banner good" role="status">
          Ready: it takes reads and writes.
        </p>
      ) : (
        <p class="banner bad" role="alert">
          {view.poisoned
            ? 'A flush failed. Nothing is written any more and the outcome of what was under way is unknown; what is verified can be read until the server is stopped. Starting it again reads everything from the device.'
            : 'The server is closing.'}
        </p>
      )}
      <section class="columns">
        <div class="card">
          <h2>How it came up</h2>
          <p
            class={`banner ${recovery.damage.length > 0 ? 'bad' : recovery.clean || recovery.ended === 'first' ? 'good' : ''}`}
          >
            {recovery.verdict}
          </p>
          <Facts
            facts={[
              ['Before', ended[recovery.ended] ?? recovery.ended],
              [
                'Opened',
                `${moment(recovery.openedMs)}, for the ${ordinal(recovery.incarnation)} time, in ${milliseconds(recovery.durationMs)}`,
              ],
              ['Kept', `${plural(recovery.framesReplayed, 'frame')} of the journal, ${bytes(recovery.keptBytes)}`],
              [
                'Cut',
                recovery.cutBytes === 0
                  ? 'nothing'
                  : `${bytes(recovery.cutBytes)} of a torn tail, with ${plural(recovery.cutFrames, 'whole frame')} and ${plural(recovery.cutRecords, 'record')} in it`,
              ],
            ]}
          />
        </div>
        <div class="card">
          <h2>What it runs on</h2>
          <Facts
            facts={[
              ['Driver', `${view.driver.name}${view.driver.direct ? ', direct' : ''}: ${view.driver.reason}`],
              ['', view.driver.detail],
              ['System', view.process.system],
              [
                'Process',
                `${view.process.pid}, Node ${view.process.node}, up for ${duration(view.process.uptimeSeconds)}`,
              ],
              [
                'Memory',
                `${bytes(view.process.residentBytes)} resident, ${bytes(view.process.heapBytes)} of it JavaScript`,
              ],
              ['CPU', `${duration(view.process.cpuSeconds)} so far`],
            ]}
          />
        </div>
      </section>
      <Damage view={view} />
      <Doctor />
      <h2 class="section">Partitions that the journal spoke of</h2>
      <Table
        label="Partitions of the last opening"
        rows={recovery.partitions}
        columns={partitionColumns}
        keyOf={(row) => `${row.topic}/${row.partition}`}
        empty="None: everything had been settled, or there was nothing yet."
      />
      {recovery.more > 0 && <p class="dim">And {count(recovery.more)} more.</p>}
    </>
  );
}

const ended: Readonly<Record<string, string>> = {
  first: 'the directory was new',
  clean: 'it had been closed cleanly',
  process: 'the process died, the machine went on',
  machine: 'the machine was started anew: a crash or a power cut',
  unknown: 'it had not been closed; whether the machine went on cannot be told',
};

function ordinal(value: number): string {
  const last = value % 100 >= 11 && value % 100 <= 13 ? 0 : value % 10;
  return `${count(value)}${['th', 'st', 'nd', 'rd'][last] ?? 'th'}`;
}

function Facts({ facts }: { facts: readonly (readonly [string, string])[] }): JSX.Element {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Damage({ view }: { view: HealthView }): JSX.Element | null {
  const { damage } = view.recovery;
  if (damage.length === 0) return null;
  return (
    <>
      <h2 class="section">Damage</h2>
      <Table
        label="Damage"
        rows={damage}
        keyOf={(row) => `${row.file} ${row.position}`}
        columns={[
          { title: 'File', cell: (row) => <code>{row.file}</code> },
          { title: 'Position', isNumber: true, cell: (row) => count(row.position) },
          { title: 'What', cell: (row) => row.detail },
        ]}
      />
      <p class="dim">
        These ranges answer errors, the rest is served. <code>millrace verify</code> and <code>millrace repair</code>{' '}
        say more once the server is stopped.
      </p>
    </>
  );
}

const partitionColumns: readonly Column<RecoveryPartition>[] = [
  { title: 'Topic', order: (row) => row.topic, cell: (row) => row.topic },
  { title: 'Partition', isNumber: true, order: (row) => row.partition, cell: (row) => row.partition },
  { title: 'Settled up to', isNumber: true, cell: (row) => count(row.settledEnd) },
  { title: 'Proven durable up to', isNumber: true, cell: (row) => count(row.provenEnd) },
  { title: 'Kept up to', isNumber: true, cell: (row) => count(row.logEnd) },
  { title: 'Records cut', isNumber: true, order: (row) => row.cutRecords, cell: (row) => count(row.cutRecords) },
  {
    title: 'Fenced',
    cell: ({ lost }) =>
      lost.length === 0 ? 'nothing' : <b class="error">{lost.map(([from, to]) => `${from}–${to - 1}`).join(', ')}</b>,
    hint: 'Offsets that were durable and are damaged: they answer errors',
  },
];
