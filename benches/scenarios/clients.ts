/** The same programs, written with clients nobody here wrote, against Millrace (durable) and Kafka (as it is shipped). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createTopics, produce as produceOne } from '../../__test__/support/calls.ts';
import { encodeBatch } from '../../__test__/support/record-batch.ts';
import { startServer } from '../../__test__/support/server.ts';
import { WireConnection } from '../../__test__/support/wire.ts';
import { RequestWriter } from '../../__test__/support/wire-fields.ts';
import { figuresOf, runLoadTool } from '../load-tools.ts';
import { runProgram } from '../node-program.ts';
import { kafkaClassPath } from '../rivals/kafka-jars.ts';
import type { Figures, Scenario, Side, Workplace } from '../scenario.ts';
import { KAFKA, MILLRACE, openKafka, openMillrace, PARTITIONS, type Target } from '../targets.ts';

type Client = 'kafkajs' | 'platformatic' | 'java';

/** Both brokers, or ours alone, with a topic each; `work` makes the measurement. */
async function brokers(
  workplace: Workplace,
  partitions: number,
  work: (target: Target) => Promise<() => Promise<Figures>>,
): Promise<Side[]> {
  const targets = [await openMillrace(workplace)];
  if (workplace.size.rivals) targets.push(await openKafka(workplace, false));
  const sides: Side[] = [];
  for (const target of targets) {
    await runLoadTool('millrace-load', 'create', { bootstrap: target.address, topic: 'bench', partitions });
    sides.push({ name: target.name, measure: await work(target) });
  }
  return sides;
}

function produce(client: Client): Scenario {
  return {
    name: `client-produce-${client}`,
    isLong: client === 'java',
    what: `${client}: batches of records of 1 KiB, acks=all`,
    goals: [{ figure: 'requestsPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 1 }],
    open: (workplace) =>
      brokers(workplace, PARTITIONS, async ({ address: bootstrap }) => {
        const { warmUpSeconds, seconds } = workplace.size;
        if (client === 'java') return () => javaProduce(bootstrap, Math.round(100_000 * seconds));
        const options = { client, bootstrap, topic: 'bench', 'warm-up': warmUpSeconds, duration: seconds };
        return () => runProgram('client-produce.ts', options);
      }),
  };
}

function consume(client: Client): Scenario {
  return {
    name: `client-consume-${client}`,
    isLong: client === 'java',
    what: `${client}: a group of one reads records of 1 KiB from the beginning`,
    goals: [{ figure: 'recordsPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 1 }],
    open: (workplace) =>
      brokers(workplace, PARTITIONS, async ({ address: bootstrap }) => {
        const records = Math.round(60_000 * workplace.size.seconds);
        await fill(bootstrap, records);
        if (client === 'java') return () => javaConsume(bootstrap, records);
        return () => runProgram('client-consume.ts', { client, bootstrap, topic: 'bench', records });
      }),
  };
}

/** At least so many records of 1 KiB, by whoever is fastest. */
async function fill(bootstrap: string, records: number): Promise<void> {
  const batch = { connections: 2, 'in-flight': 2, records: 64, size: 1024 };
  for (let filled = 0; filled < records; ) {
    const figures = await runLoadTool('millrace-load', 'produce', {
      bootstrap,
      topic: 'bench',
      partitions: PARTITIONS,
      'warm-up': 0,
      duration: 0.5,
      ...batch,
    });
    filled += figures.records ?? 0;
  }
}

const JVM = ['-Xmx512m', '-XX:+UseSerialGC'];

/** Runs a class of Kafka's tools and returns what it printed. */
async function javaPrints(name: string, args: readonly string[]): Promise<string> {
  const child = spawn('java', [...JVM, '-cp', kafkaClassPath(), name, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  child.stdout.on('data', (chunk) => printed.push(String(chunk)));
  child.stderr.on('data', (chunk) => printed.push(String(chunk)));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${printed.join('')}`);
  return printed.join('');
}

/** kafka-producer-perf-test with the producer's defaults; the last line it prints is the whole run. */
async function javaProduce(bootstrap: string, records: number): Promise<Figures> {
  const args = ['--topic', 'bench', '--num-records', String(records), '--record-size', '1024', '--throughput', '-1'];
  args.push('--producer-props', `bootstrap.servers=${bootstrap}`, 'acks=all');
  const printed = await javaPrints('org.apache.kafka.tools.ProducerPerformance', args);
  const found = [...printed.matchAll(/([\d.]+) records\/sec \(([\d.]+) MB\/sec\), ([\d.]+) ms avg/g)].at(-1);
  if (found === undefined) throw new Error(`kafka-producer-perf-test printed no figures:\n${printed}`);
  return { requestsPerSecond: Number(found[1]), averageMilliseconds: Number(found[3]) };
}

/** kafka-consumer-perf-test in a group of its own; its last row has the rates. */
async function javaConsume(bootstrap: string, records: number): Promise<Figures> {
  const args = ['--topic', 'bench', '--bootstrap-server', bootstrap, '--messages', String(records)];
  const printed = await javaPrints('org.apache.kafka.tools.ConsumerPerformance', args);
  const rows = printed.split('\n').filter((line) => line.includes(', '));
  const header = rows.find((line) => line.startsWith('start.time'))?.split(', ');
  const at = header?.findIndex((name) => name.trim() === 'fetch.nMsg.sec') ?? -1;
  const rate = Number(rows.at(-1)?.split(', ')[at]);
  if (!Number.isFinite(rate)) throw new Error(`kafka-consumer-perf-test printed no figures:\n${printed}`);
  return { recordsPerSecond: rate };
}

export const transactions: Scenario = {
  name: 'client-transactions',
  what: 'kafkajs, 16 producers: ten records in three partitions and the offsets of a group in each transaction',
  goals: [{ figure: 'requestsPerSecond', side: MILLRACE, against: KAFKA, ratioAtLeast: 3 }],
  open: (workplace) =>
    brokers(workplace, 3, async ({ address: bootstrap }) => {
      const { warmUpSeconds, seconds } = workplace.size;
      const options = { bootstrap, topic: 'bench', producers: 16, 'warm-up': warmUpSeconds, duration: seconds };
      return () => runProgram('client-transactions.ts', options);
    }),
};

export const groupJoins: Scenario = {
  name: 'group-joins',
  what: 'ten members join each of 100 groups at once, then an eleventh: until every group is whole (heartbeats of 250 ms)',
  goals: ['joinMilliseconds', 'rebalanceMilliseconds'].map((figure) => ({
    figure,
    side: MILLRACE,
    against: KAFKA,
    ratioAtMost: 1,
  })),
  async open(workplace) {
    const targets = [await openMillrace(workplace)];
    if (workplace.size.rivals) targets.push(await openKafka(workplace, false));
    // The smoke run has seconds for all of it.
    const groups = Math.min(100, Math.round(20 * workplace.size.seconds));
    return targets.map(({ name, address: bootstrap }) => ({
      name,
      measure: () => runProgram('group-joins.ts', { bootstrap, groups, members: 10, heartbeat: 250 }),
    }));
  },
};

const METADATA = 3;
/** Longer than it takes until the command line has kept its compiled code, as any earlier start of a server has. */
const CODE_IS_KEPT_MS = 2_500;

export const firstMetadata: Scenario = {
  name: 'first-metadata',
  what: 'from the start of the built process, which ran before, to its ready line, its first answered Metadata and its first durable acknowledgement, against an empty program on the same Node',
  goals: [
    { figure: 'metadataMilliseconds', side: MILLRACE, against: 'node, an empty program', atMost: 100 },
    { figure: 'acknowledgedMilliseconds', side: MILLRACE, against: 'node, an empty program', atMost: 250 },
  ],
  async open(workplace) {
    await using earlier = await startServer({ directory: join(workplace.directory('first'), 'data') });
    await new Promise((resolve) => setTimeout(resolve, CODE_IS_KEPT_MS));
    await earlier.stop();
    let run = 0;
    const own = async (): Promise<Figures> => {
      run += 1;
      const directory = join(workplace.directory(`first-${run}`), 'data');
      const started = performance.now();
      await using server = await startServer({ directory });
      const milliseconds = performance.now() - started;
      using connection = await WireConnection.open(server.address);
      await connection.call(METADATA, 1, new RequestWriter().int32(-1));
      const metadataMilliseconds = performance.now() - started;
      await createTopics(connection, 'bench', 1);
      await produceOne(connection, 'bench', 0, encodeBatch([Buffer.alloc(128)]), -1);
      return { milliseconds, metadataMilliseconds, acknowledgedMilliseconds: performance.now() - started };
    };
    const empty = async (): Promise<Figures> => {
      const started = performance.now();
      await figuresOf(
        spawn(process.execPath, ['-e', 'console.log("{}")'], { stdio: ['ignore', 'pipe', 'pipe'] }),
        'node',
      );
      return { milliseconds: performance.now() - started };
    };
    return [
      { name: MILLRACE, measure: own },
      { name: 'node, an empty program', measure: empty },
    ];
  },
};

export const clientScenarios: readonly Scenario[] = [
  produce('kafkajs'),
  produce('platformatic'),
  produce('java'),
  consume('kafkajs'),
  consume('platformatic'),
  consume('java'),
  transactions,
  groupJoins,
  firstMetadata,
];
