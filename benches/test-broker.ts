/**
 * How long a test waits for its broker: the test broker against Apache Kafka on a JVM, to the first record that a client has
 * acknowledged. Prints a table; with `--into FILE` it stands in that page, in place of the one that was there.
 *
 * Not a bench of a server under load. To remember: both sides are asked by the same client in the same way, and the built
 * package is measured, as a user has it (`npm run build` first).
 *
 * ```
 * npx tsx benches/test-broker.ts [--rounds N] [--into FILE]
 * ```
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from './rivals/kafka.ts';
import { kafkaVersion } from './rivals/kafka-jars.ts';

const begin = '<!-- test broker: npx tsx benches/test-broker.ts --into docs/testing.md -->';
const end = '<!-- test broker end -->';
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' }, into: { type: 'string' } } });
const rounds = Number(values.rounds);
const built = new URL('../dist/testing/index.js', import.meta.url).href;
const { startTestBroker } = (await import(built)) as typeof import('../ts/testing/index.ts');

/** Milliseconds of the middle try, and of the slowest. */
interface Taken {
  readonly middle: number;
  readonly worst: number;
}

function taken(all: readonly number[]): Taken {
  const sorted = all.toSorted((left, right) => left - right);
  return { middle: sorted[sorted.length >> 1] ?? Number.NaN, worst: sorted.at(-1) ?? Number.NaN };
}

/** Takes the time of `work` in each of several rounds, after one that does not count. */
async function timed(count: number, work: () => Promise<() => Promise<unknown>>): Promise<Taken> {
  const all: number[] = [];
  for (let round = 0; round <= count; round += 1) {
    const began = performance.now();
    const after = await work();
    if (round > 0) all.push(performance.now() - began);
    await after();
  }
  return taken(all);
}

/** Creates a topic and has a record acknowledged by all replicas there are, as a test would begin. */
async function firstRecord(brokers: string[]): Promise<void> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20, retries: 200 } });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'orders', numPartitions: 3 }] });
  await producer.connect();
  await producer.send({ topic: 'orders', acks: -1, messages: [{ value: 'one' }] });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
}

async function ours(redis: boolean): Promise<{ start: Taken; record: Taken; reset: Taken }> {
  const start = await timed(rounds, async () => {
    const broker = await startTestBroker({ redis, topics: { orders: 3 } });
    return () => broker.close();
  });
  const record = await timed(rounds, async () => {
    const broker = await startTestBroker({ redis });
    await firstRecord(broker.brokers);
    return () => broker.close();
  });
  const broker = await startTestBroker({ redis });
  const resets: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await firstRecord(broker.brokers);
    // kafkajs closes its connections behind its back: that is not the reset's.
    await sleep(20);
    const began = performance.now();
    await broker.reset();
    resets.push(performance.now() - began);
  }
  await broker.close();
  return { start, record, reset: taken(resets) };
}

async function onJvm(count: number): Promise<{ start: Taken; record: Taken }> {
  const [starts, records]: [number[], number[]] = [[], []];
  for (let round = 0; round < count; round += 1) {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-kafka-start-'));
    try {
      const began = performance.now();
      const broker = await startKafka({ directory, flushEveryMessage: false });
      starts.push(performance.now() - began);
      await firstRecord([broker.address]);
      records.push(performance.now() - began);
      await broker.stop();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return { start: taken(starts), record: taken(records) };
}

function fresh(): { load: Taken; start: Taken } {
  const program = new URL('./programs/test-broker-start.mjs', import.meta.url).pathname;
  const runs = Array.from({ length: rounds }, () => {
    return JSON.parse(execFileSync(process.execPath, [program], { encoding: 'utf8' })) as {
      load: number;
      start: number;
    };
  });
  return { load: taken(runs.map(({ load }) => load)), start: taken(runs.map(({ start }) => start)) };
}

const ms = ({ middle, worst }: Taken): string => {
  const text = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US'));
  return `${text(middle)} (${text(worst)})`;
};

const busy = loadavg()[0] ?? 0;
const first = fresh();
const [plain, both] = [await ours(false), await ours(true)];
const jvm = await onJvm(Math.max(3, Math.floor(rounds / 3)));
const table = [
  '| ms: the middle try (the slowest) | `startTestBroker` | with Redis | Apache Kafka on a JVM |',
  '|---|---|---|---|',
  `| first start of a process, with a topic; \`import\` takes ${ms(first.load)} more | ${ms(first.start)} | | |`,
  `| start until it takes clients | ${ms(plain.start)} | ${ms(both.start)} | ${ms(jvm.start)} |`,
  `| start until kafkajs has a topic and one record acknowledged | ${ms(plain.record)} | ${ms(both.record)} | ${ms(jvm.record)} |`,
  `| \`reset()\` of a topic with a record | ${ms(plain.reset)} | ${ms(both.reset)} | |`,
  '',
  `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}, Kafka ${kafkaVersion()} with a formatted directory made anew`,
  `each time; ${rounds} rounds, of Kafka ${Math.max(3, Math.floor(rounds / 3))}; ${busy < 1 ? 'nothing else ran' : `other programs kept the machine busy (load ${busy.toFixed(0)})`}.`,
].join('\n');
process.stdout.write(`${table}\n`);
if (values.into !== undefined) {
  const page = readFileSync(values.into, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${values.into} has no place for the table`);
  writeFileSync(values.into, `${page.slice(0, from)}${begin}\n${table}\n${page.slice(to)}`);
}
