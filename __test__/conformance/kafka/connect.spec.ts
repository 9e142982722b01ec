/**
 * Kafka Connect 4.3 in distributed mode, unmodified (issue's "Unmodified clients"): two workers, their group of type
 * "connect", their three compacted topics, the file source with exactly-once support, the file sink, a kill -9 of the
 * worker that runs the source, and one of the other after a new one came, which knows only what is in those topics.
 *
 * To remember: the topic must hold every line once, as the source writes by transactions; the sink may repeat lines behind
 * its last commit after the kill, but leaves none out.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kafkaClient } from '../../support/broker.ts';
import { committedValues } from '../../support/committed-values.ts';
import { JavaProgram } from '../../support/java-program.ts';
import { scratch } from '../../support/scratch.ts';
import { freePort, type Server, startServer } from '../../support/server.ts';
import { WireConnection } from '../../support/wire.ts';

const PATIENCE_MS = 60_000;
const TOPIC = 'connect-lines';
const [SOURCE, SINK] = ['from-file', 'to-file'];

interface Worker {
  readonly url: string;
  /** As Connect names it in the status of a task. */
  readonly id: string;
  readonly program: JavaProgram;
}

async function startWorker(server: Server, folder: string, name: string): Promise<Worker> {
  const port = await freePort();
  const converter = 'org.apache.kafka.connect.storage.StringConverter';
  const settings = {
    'bootstrap.servers': server.address,
    'group.id': 'connect-workers',
    listeners: `http://127.0.0.1:${port}`,
    'key.converter': converter,
    'value.converter': converter,
    'config.storage.topic': 'connect-configs',
    'offset.storage.topic': 'connect-offsets',
    'status.storage.topic': 'connect-status',
    'config.storage.replication.factor': 1,
    'offset.storage.replication.factor': 1,
    'offset.storage.partitions': 3,
    'status.storage.replication.factor': 1,
    'status.storage.partitions': 2,
    'offset.flush.interval.ms': 500,
    'exactly.once.source.support': 'enabled',
    'plugin.discovery': 'service_load',
    // What a killed worker had is given to another one at once, not after five minutes.
    'scheduled.rebalance.max.delay.ms': 0,
    'session.timeout.ms': 2000,
    'heartbeat.interval.ms': 500,
    'consumer.session.timeout.ms': 2000,
    'consumer.heartbeat.interval.ms': 500,
  };
  const path = join(folder, `${name}.properties`);
  writeFileSync(
    path,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const program = new JavaProgram('org.apache.kafka.connect.cli.ConnectDistributed', [path]);
  return { url: `http://127.0.0.1:${port}`, id: `127.0.0.1:${port}`, program };
}

/** Asks until `done` says so; throws with what it saw last. */
async function until<T>(what: string, look: () => Promise<T>, done: (seen: T) => boolean): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look().catch((error: unknown) => error);
    if (!(seen instanceof Error) && done(seen as T)) return seen as T;
    if (performance.now() > end) throw new Error(`${what}: ${seen instanceof Error ? seen : JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The connector is taken once its worker has joined the group: until then Connect answers 409 or 500. */
async function createConnector(worker: Worker, name: string, config: Record<string, string>): Promise<void> {
  const options = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(config) };
  const put = async () => {
    if (!worker.program.running()) throw new Error(worker.program.output());
    const answer = await fetch(`${worker.url}/connectors/${name}/config`, options);
    return { status: answer.status, text: await answer.text() };
  };
  await until(`connector ${name}`, put, ({ status }) => status === 200 || status === 201);
}

interface Status {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string; readonly worker_id: string }[];
}

/**
 * The worker that runs the only task of a connector, once it runs and its worker is one of `alive`. A task that asked the
 * killed leader to fence its predecessor has failed for good: Connect leaves it to the operator to start it again.
 */
async function runnerOf(name: string, alive: readonly Worker[]): Promise<Worker> {
  const url = `${alive[0]?.url}/connectors/${name}`;
  const isAlive = (id: string | undefined) => alive.some((worker) => worker.id === id);
  const look = async (): Promise<Status> => {
    const status = (await (await fetch(`${url}/status`)).json()) as Status;
    const hasFailed = status.tasks[0]?.state === 'FAILED' && isAlive(status.tasks[0].worker_id);
    if (hasFailed) await fetch(`${url}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST' });
    return status;
  };
  const isRunning = ({ tasks }: Status) => tasks[0]?.state === 'RUNNING' && isAlive(tasks[0].worker_id);
  const status = await until(`status of ${name}`, look, isRunning);
  const runner = alive.find(({ id }) => id === status.tasks[0]?.worker_id);
  if (runner === undefined) throw new Error('a task of nobody');
  return runner;
}

async function committedLines(server: Server): Promise<string[]> {
  using wire = await WireConnection.open(server.address);
  return await committedValues(wire, TOPIC, 0);
}

function lines(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `line ${from + at}`);
}

const sunk = async (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

it('moves every line of a file, though the workers that read it are killed', { timeout: 180_000 }, async () => {
  using directory = scratch('connect');
  const settings = ['group.min.session.timeout.ms=1000', 'group.initial.rebalance.delay.ms=0'];
  await using server = await startServer({ directory: join(directory.path, 'data'), settings });
  const [input, output] = [join(directory.path, 'input.txt'), join(directory.path, 'output.txt')];
  const write = (from: number, to: number) => appendFileSync(input, `${lines(from, to).join('\n')}\n`);
  write(0, 500);

  const workers = [
    await startWorker(server, directory.path, 'first'),
    await startWorker(server, directory.path, 'second'),
  ];
  const [first, second] = workers;
  if (first === undefined || second === undefined) throw new Error('there are two workers');
  await using _one = first.program;
  await using _two = second.program;
  const plugin = 'org.apache.kafka.connect.file.FileStream';
  await createConnector(first, SOURCE, { 'connector.class': `${plugin}SourceConnector`, file: input, topic: TOPIC });
  await createConnector(first, SINK, { 'connector.class': `${plugin}SinkConnector`, file: output, topics: TOPIC });
  await until(
    'lines in the file',
    () => sunk(output),
    (found) => found.length >= 500,
  );

  const killed = await runnerOf(SOURCE, workers);
  write(500, 1000);
  await killed.program.kill();
  const [left] = workers.filter((worker) => worker !== killed);
  if (left === undefined) throw new Error('both workers were killed');
  await runnerOf(SOURCE, [left]);
  await runnerOf(SINK, [left]);
  write(1000, 1500);
  await until(
    'all lines but the last',
    async () => new Set(await sunk(output)),
    ({ size }) => size >= 1500,
  );

  const third = await startWorker(server, directory.path, 'third');
  await using _three = third.program;
  const known = async () => (await (await fetch(`${third.url}/connectors`)).json()) as string[];
  await until('connectors of the new worker', known, (names) => names.length === 2);
  await left.program.kill();
  await runnerOf(SOURCE, [third]);
  write(1500, 2000);
  await until(
    'all lines',
    async () => new Set(await sunk(output)),
    ({ size }) => size >= 2000,
  );

  expect(await committedLines(server)).toEqual(lines(0, 2000));
  expect(new Set(await sunk(output))).toEqual(new Set(lines(0, 2000)));
  const admin = kafkaClient(server).admin();
  await admin.connect();
  const { groups } = await admin.describeGroups(['connect-workers']);
  await admin.disconnect();
  expect(groups[0]?.protocolType).toBe('connect');
  expect(groups[0]?.members).toHaveLength(1);
});
