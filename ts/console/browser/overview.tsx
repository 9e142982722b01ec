/** The first page: how the server does right now, and what a power cut could take. */

import type { JSX } from 'preact';
import type { OverviewView, Sample } from '../api.ts';
import { Await } from './empty.tsx';
import { bytes, count, duration, milliseconds, plural, rate } from './format.ts';
import { useView } from './load.ts';
import { Plot } from './plot.tsx';
import { newest, timesOf, useSamples } from './samples.ts';

export function Overview(): JSX.Element {
  const view = useView<OverviewView>('overview');
  const samples = useSamples();
  return <Await of={view}>{(value) => <Content view={value} samples={samples} />}</Await>;
}

function Content({ view, samples }: { view: OverviewView; samples: readonly Sample[] }): JSX.Element {
  const last = samples.at(-1);
  const times = timesOf(samples);
  return (
    <>
      <header class="head">
        <h1>Overview</h1>
        <p class="dim">
          Up for {duration(view.uptimeSeconds)} · {plural(view.connections, 'Kafka connection')}
          {view.redisClients !== null && ` · ${plural(view.redisClients, 'Redis client')}`}
        </p>
      </header>
      <Warnings view={view} />
      <section class="tiles" aria-label="Now">
        <Tile
          title="Records in"
          value={`${rate(last?.records)}/s`}
          note={`${bytes(last?.bytesIn ?? 0)}/s of produce requests`}
        />
        <Tile
          title="Append p99"
          value={milliseconds(newest(samples, (one) => one.appendP99))}
          note={`p50 ${milliseconds(newest(samples, (one) => one.appendP50))}, by the second`}
        />
        <Tile
          title="Flushes"
          value={`${rate(last?.flushes)}/s`}
          note={
            newest(samples, (one) => one.flushP99) === null
              ? 'none in the last ten minutes'
              : `p99 ${milliseconds(newest(samples, (one) => one.flushP99))}`
          }
        />
        <Tile title="Data" value={bytes(view.dataBytes)} note={diskText(view)} />
      </section>
      <section class="plots">
        <Plot
          title="Records appended"
          times={times}
          format={(value) => `${rate(value)}/s`}
          series={[{ label: 'records', colour: 'a', fill: true, values: samples.map((one) => one.records) }]}
        />
        <Plot
          title="Append latency"
          times={times}
          format={milliseconds}
          series={[
            { label: 'p99', colour: 'b', values: samples.map((one) => one.appendP99) },
            { label: 'p50', colour: 'a', values: samples.map((one) => one.appendP50) },
          ]}
        />
      </section>
      <section class="columns">
        <Losses view={view} />
        <Facts view={view} />
      </section>
    </>
  );
}

function diskText({ disk }: OverviewView): string {
  return disk === null ? 'on a simulated disk' : `${bytes(disk.freeBytes)} free of ${bytes(disk.totalBytes)}`;
}

function Tile({ title, value, note }: { title: string; value: string; note: string }): JSX.Element {
  return (
    <div class="card tile">
      <h3>{title}</h3>
      <strong>{value}</strong>
      <span class="dim">{note}</span>
    </div>
  );
}

function Warnings({ view }: { view: OverviewView }): JSX.Element | null {
  if (view.warnings.length === 0) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {view.warnings.map(({ level, text, link }) => (
        <li key={text} class={`banner ${level}`}>
          {text} {link !== undefined && <a href={link}>Look</a>}
        </li>
      ))}
    </ul>
  );
}

function Losses({ view }: { view: OverviewView }): JSX.Element {
  return (
    <div class="card">
      <h2>What a power cut takes</h2>
      <p>
        Flush policy <code>{view.flush}</code>
      </p>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">acks</th>
            <th scope="col">waits for</th>
            <th scope="col">and then</th>
          </tr>
        </thead>
        <tbody>
          {view.acks.map(({ acks, level, loss }) => (
            <tr key={acks}>
              <td>
                <code>{acks}</code>
              </td>
              <td>
                <span class={`pill ${level}`}>{level}</span>
              </td>
              <td>{loss}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Facts({ view }: { view: OverviewView }): JSX.Element {
  const facts: readonly (readonly [string, JSX.Element | string])[] = [
    [
      'Driver',
      <span>
        {view.driver.name}: {view.driver.reason}
      </span>,
    ],
    ['', view.driver.detail],
    ['Topics', <a href="#/topics">{`${plural(view.topics, 'topic')}, ${plural(view.partitions, 'partition')}`}</a>],
    ['Groups', <a href="#/groups">{count(view.groups)}</a>],
    ['Stores', <a href="#/keys">{count(view.stores)}</a>],
  ];
  return (
    <div class="card">
      <h2>This server</h2>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
